/* SPDX-License-Identifier: MIT */
#pragma once

/* Roots in a file, one per line, each of which follows the one before. They may be in any order and be there
 * more than once, as shell patterns make them: 1.root.json, 10.root.json, 2.root.json. */

#include "trust/root.h"

typedef struct RootChain {
        const Root *root; /* the last; NULL: the chain is empty */
        const char *text; /* its envelope */
        struct RootStep {
                Root *root;
                char *text;
                Sha256 digest;
        } * steps;
        size_t n_steps;
} RootChain;

#define ROOT_CHAIN_NULL ((RootChain){ 0 })

#define ROOT_CHAIN_MAX ((size_t) 4 * 1024 * 1024) /* bytes of such a file */

void root_chain_done(RootChain *chain);

/* Returns 0, or a DevboxError with its detail: the file cannot be read, a root does not follow the one
 * before, or there is no root. Errors: -ENOMEM. */
int root_chain_read(const char *path, RootChain *ret_chain, char **ret_problem);

/* The same of `path`, or of root.json in the operator's directory if it is NULL. */
int root_chain_read_current(const char *dir, const char *path, RootChain *ret_chain, char **ret_problem);

/* The digest of the last root; NULL: the chain is empty. */
const Sha256 *root_chain_last_digest(const RootChain *chain);
