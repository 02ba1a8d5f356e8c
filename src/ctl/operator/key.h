/* SPDX-License-Identifier: MIT */
#pragma once

/* An operator's keys: where they are, and the passphrase that unseals them. Functions return 0, or a
 * DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "crypto/ed25519.h"
#include "trust/key-file.h"

#define OPERATOR_KEY      "operator.key" /* signs roots, and all else if there is no other key */
#define MANIFEST_KEY      "manifest.key" /* signs manifests and invitations */
#define NEXT_OPERATOR_KEY "next." OPERATOR_KEY
#define NEXT_MANIFEST_KEY "next." MANIFEST_KEY

/* A descriptor, else a file, else `name` in the operator's directory. */
typedef struct KeySource {
        const char *dir; /* NULL: the default */
        const char *name;
        const char *path;  /* "-": standard input; NULL: not given */
        int fd;            /* < 0: not given */
        int passphrase_fd; /* < 0: ask on the terminal */
} KeySource;

#define KEY_SOURCE_INIT                                                                                     \
        {                                                                                                   \
                .fd = -EBADF, .passphrase_fd = -EBADF                                                       \
        }

/* The public half is known without a passphrase; `pair` is NULL as long as the key is sealed. */
typedef struct OperatorKey {
        PublicKey public;
        KeyFile *file; /* NULL: a bare seed */
        KeyPair *pair;
} OperatorKey;

#define OPERATOR_KEY_NULL ((OperatorKey){ 0 })

void operator_key_done(OperatorKey *key);

static inline bool key_source_is_given(const KeySource *source)
{
        return source->path || source->fd >= 0;
}

/* The same source with another default. */
static inline KeySource key_source_named(const KeySource *source, const char *name)
{
        KeySource named = *source;

        named.name = name;
        return named;
}

/* Another key of the same directory, whose passphrase is read in the same way. */
static inline KeySource key_source_beside(const KeySource *own, const KeySource *other, const char *name)
{
        return (KeySource){ own->dir, name, other->path, other->fd, own->passphrase_fd };
}

/* Reads the key, and leaves it sealed if it is. */
int operator_key_open(const KeySource *source, OperatorKey *ret_key, char **ret_problem);

/* Whether users other than its owner may access the key's file or its directory; then `ret_warning` is a
 * sentence, which the caller frees, else NULL. Keys from descriptors and devices are not checked. Errors:
 * -ENOMEM. */
int operator_key_check_mode(const KeySource *source, char **ret_warning);

/* Reads the passphrase if the key is still sealed. */
int operator_key_unseal(const KeySource *source, OperatorKey *key, char **ret_problem);

/* The key of the source, unsealed. If neither is given and `name` does not exist, generates a key and seals
 * it with a passphrase that is asked for twice; the file, labelled `label`, is on disk when this returns. */
int operator_key_make(const KeySource *source, const char *label, OperatorKey *ret_key, char **ret_problem);
