/* SPDX-License-Identifier: MIT */
#pragma once

/* What an operator's commands end with: the root, who has signed it, and what is still to do. Functions
 * return an exit status. Errors: -ENOMEM, of writing. */

#include "ctl/ctl.h"
#include "ctl/operator/root-signing.h"

int operator_print_root(const Ctl *ctl, const RootDraft *draft);

/* Whether the root, which a command made or signed, is complete, and where it is now: a sentence on standard
 * error, nothing with --json. */
int operator_tell_outcome(const Ctl *ctl, const RootDraft *draft, const char *path);

/* root.json, after root_store_recover() finished what another command had begun. */
int operator_print_settled(const Ctl *ctl);
