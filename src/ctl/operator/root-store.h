/* SPDX-License-Identifier: MIT */
#pragma once

/* Putting roots where they belong in the operator's directory. A root is in place as soon as N.root.json is
 * there, which is written only when it is complete and the keys it brings are on disk; what follows from
 * that is done by root_store_recover(), after a crash just as at once. Functions return 0, or an exit status
 * after they said what is wrong. Errors: -ENOMEM. */

#include "ctl/ctl.h"
#include "ctl/operator/files.h"
#include "ctl/operator/root-signing.h"

/* root.json, or an empty chain if there is none. */
int root_load_current(const Ctl *ctl, RootChain *ret_chain);

/* The root that is kept as the one before `version`, else the current one; the chain is empty if there is
 * none. It may be of another network. */
int root_load_before(const Ctl *ctl, int64_t version, RootChain *ret_chain);

/* Brings root.json and the key files after the N.root.json that follows. `ret_changed` (may be NULL) says
 * whether something was left to do. */
int root_store_recover(const Ctl *ctl, bool *ret_changed);

/* If N.root.draft.json is there. */
int root_refuse_draft(const Ctl *ctl, int64_t version);

/* If it is complete, puts it in place, where it must follow root.json; else writes N.root.draft.json, which
 * must be new. The caller frees the path of what was written. */
int root_deliver(const Ctl *ctl, const RootDraft *draft, char **ret_path);
