/* SPDX-License-Identifier: MIT */
#pragma once

/* What an operator keeps on their own machine, by default in ~/.config/devbox/operator:
 *
 *     operator.key        the key, sealed with a passphrase; not there if a password manager keeps it
 *     manifest.key        the one that signs manifests, if that is another
 *     next.*.key          one that no root in place names yet
 *     N.*.key             one of root N that another followed
 *     root.json           the current root
 *     N.root.json         every root there was, for those who have to follow
 *     N.root.draft.json   one that must still be signed
 *
 * Functions return 0, or an exit status after they said what is wrong. Errors: -ENOMEM, of writing. */

#include "ctl/ctl.h"
#include "trust/root.h"

/* `name` in the operator's directory; the caller frees the path. */
int operator_path(const Ctl *ctl, const char *name, char **ret_path);

/* Makes the directory, 0700, and those above it. */
int operator_make_directory(const Ctl *ctl);

/* The roots in a file, or of root.json if `path` is NULL: each must follow the one before. */
typedef struct RootChain {
        const Root *root; /* the last */
        char *text;       /* its envelope */
        struct RootStep {
                Root *root;
                Sha256 digest;
        } * steps;
        size_t n_steps;
} RootChain;

#define ROOT_CHAIN_NULL ((RootChain){ 0 })

#define ROOTS_MAX ((size_t) 4 * 1024 * 1024) /* bytes of such a file */

int operator_load_roots(const Ctl *ctl, const char *path, RootChain *ret_chain);
void root_chain_done(RootChain *chain);

/* A whole file as a string, which the caller frees; says what is wrong. */
int operator_read_file(const Ctl *ctl, const char *path, size_t max, char **ret_text);

/* An envelope in a file. */
int operator_read_envelope(const Ctl *ctl, const char *path, Envelope **ret_envelope);

/* When the command began: "30d" means the same in all that it reads. */
uint64_t operator_now_ms(void);
