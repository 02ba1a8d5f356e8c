/* SPDX-License-Identifier: MIT */
#pragma once

/* What the verbs of an operator print at their end. Errors: -ENOMEM, of writing. */

#include "ctl/operator/root-signing.h"
#include "ctl/verb.h"

/* The root, and which keys have signed it. */
int operator_print_root(const Ctl *ctl, const RootDraft *draft);

/* Whether a root that was made or signed is complete, and its path: a sentence on standard error, nothing
 * with --json. */
int operator_print_outcome(const Ctl *ctl, const RootDraft *draft, const char *path);

/* root.json or the file at `path`, a draft too, with its signatures. Returns 0, or a DevboxError with
 * `ctl->problem`; `ctl->status` is CTL_PROBLEM if the root is not complete or has expired. */
int operator_show(Ctl *ctl, const char *dir, const char *path);

/* After root_store_recover() finished an interrupted command: a sentence, and root.json as above. */
int operator_show_recovered(Ctl *ctl, const char *dir);
