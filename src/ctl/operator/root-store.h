/* SPDX-License-Identifier: MIT */
#pragma once

/* The roots in the operator's directory. A root is in place as soon as N.root.json exists, which is written
 * only when the root is complete and the keys it names are on disk; what follows from that is done by
 * root_store_recover(), after a crash as well as right away. `dir` is as in files.h. Functions return 0, or
 * a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "ctl/operator/root-chain.h"
#include "ctl/operator/root-signing.h"

/* root.json, or an empty chain if there is none. */
int root_store_load(const char *dir, RootChain *ret_chain, char **ret_problem);

/* The root that is kept as the one before `version`, else the current one; the chain is empty if there is
 * none. It may be of another network. */
int root_store_load_before(const char *dir, int64_t version, RootChain *ret_chain, char **ret_problem);

/* Brings root.json and the key files up to the N.root.json that follows. `ret_changed` (may be NULL) is
 * whether anything was left to do. */
int root_store_recover(const char *dir, bool *ret_changed, char **ret_problem);

/* DEVBOX_ERROR_BUSY if N.root.draft.json exists. */
int root_store_check_no_draft(const char *dir, int64_t version, char **ret_problem);

/* If it is complete, puts it in place, where it must follow root.json; else writes N.root.draft.json, which
 * must be new. The caller frees the path of what was written. */
int root_store_deliver(const char *dir, const RootDraft *draft, char **ret_path, char **ret_problem);
