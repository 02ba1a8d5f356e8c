/* SPDX-License-Identifier: MIT */
#pragma once

/* What an operator keeps on their own machine, by default in ~/.config/devbox/operator:
 *
 *     operator.key    the key, sealed with a passphrase; not there if a password manager keeps it
 *     root.json       the current root
 *     N.root.json     every root there was, for those who have to follow
 *
 * Functions return 0, or an exit status after they said what is wrong. Errors: -ENOMEM, of writing. */

#include "crypto/ed25519.h"
#include "ctl/ctl.h"
#include "proto/key-file.h"
#include "proto/root.h"

/* `name` in the operator's directory; the caller frees the path. */
int operator_path(const Ctl *ctl, const char *name, char **ret_path);

/* Makes the directory, 0700, and those above it. */
int operator_make_directory(const Ctl *ctl);

/* Where a key comes from: descriptor or file as the options say, else operator.key. The caller is asked for
 * the passphrase if the key is sealed. */
int operator_load_key(const Ctl *ctl, KeyPair **ret_pair);

/* A key that a password manager made: --key or --new-key, as seeds only. `ret_pair` stays NULL if neither
 * option of the pair is given. */
int operator_load_seed(const Ctl *ctl, CtlOption file, CtlOption fd, KeyPair **ret_pair);

/* Asks twice, or reads it from --passphrase-fd. */
int operator_new_passphrase(const Ctl *ctl, Secret **ret_passphrase);

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

int operator_load_roots(const Ctl *ctl, const char *path, RootChain *ret_chain);
void root_chain_done(RootChain *chain);

/* A whole file as a string, which the caller frees; says what is wrong. */
int operator_read_file(const Ctl *ctl, const char *path, size_t max, char **ret_text);

/* An envelope in a file. */
int operator_read_envelope(const Ctl *ctl, const char *path, Envelope **ret_envelope);

/* When the command began: "30d" means the same in all that it reads. */
uint64_t operator_now_ms(void);
