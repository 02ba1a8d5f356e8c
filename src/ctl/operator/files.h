/* SPDX-License-Identifier: MIT */
#pragma once

/* The operator's directory, by default ~/.config/devbox/operator:
 *
 *     operator.key        the key, sealed with a passphrase; absent if a password manager keeps it
 *     manifest.key        the key that signs manifests, if it is another one
 *     next.*.key          a key that no root in place names yet
 *     N.*.key             a key of root N, which another root followed
 *     root.json           the current root
 *     N.root.json         every root so far, for those who must follow
 *     N.root.draft.json   a root that more keys must sign
 *
 * `dir` is that directory, or NULL for the default. */

/* `name` in the directory; the caller frees the path. Errors: -ENOMEM. */
int operator_path(const char *dir, const char *name, char **ret_path);

/* Creates the directory, 0700, and those above it. Returns DEVBOX_ERROR_ACCESS_DENIED with its detail.
 * Errors: -ENOMEM. */
int operator_make_directory(const char *dir, char **ret_problem);

/* Returns DEVBOX_ERROR_BUSY if `name` exists in the directory; `why` completes its detail. Errors: -ENOMEM.
 */
int operator_check_absent(const char *dir, const char *name, const char *why, char **ret_problem);
