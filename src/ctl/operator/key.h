/* SPDX-License-Identifier: MIT */
#pragma once

/* An operator's keys: where they come from, and the passphrase that opens them. Functions return 0, or an
 * exit status after they said what is wrong. Errors: -ENOMEM. */

#include "crypto/ed25519.h"
#include "ctl/ctl.h"
#include "trust/key-file.h"

/* A descriptor or file that an option of the pair names; else a file in the operator's directory. */
typedef struct KeySource {
        CtlOption file, fd;
        const char *name;
} KeySource;

#define OPERATOR_KEY      "operator.key" /* signs roots, and all else if there is no other */
#define MANIFEST_KEY      "manifest.key" /* signs manifests and invitations */
#define NEXT_OPERATOR_KEY "next." OPERATOR_KEY
#define NEXT_MANIFEST_KEY "next." MANIFEST_KEY

#define OWN_KEY_IN(file) ((KeySource){ OPTION_KEY, OPTION_KEY_FD, (file) })
#define NEW_KEY_IN(file) ((KeySource){ OPTION_NEW_KEY, OPTION_NEW_KEY_FD, (file) })

/* The public half is there without a passphrase; `pair` is NULL as long as the key is sealed. */
typedef struct OperatorKey {
        PublicKey public;
        KeyFile *file; /* NULL: it came as a bare seed */
        KeyPair *pair;
} OperatorKey;

#define OPERATOR_KEY_NULL ((OperatorKey){ 0 })

void operator_key_done(OperatorKey *key);

bool operator_key_is_given(const Ctl *ctl, const KeySource *source);

/* Reads it, and leaves it sealed if it is. */
int operator_key_open(const Ctl *ctl, const KeySource *source, OperatorKey *ret_key);

/* The same of a file with that path. */
int operator_key_open_file(const Ctl *ctl, const char *path, OperatorKey *ret_key);

/* Asks for the passphrase if the key is still sealed. */
int operator_key_unseal(const Ctl *ctl, OperatorKey *key);

/* The key of the source, unsealed. If no option gives it and its file is not there, a new one is made and
 * sealed: its passphrase is asked for twice, and the file, which calls it `label`, is on disk when this
 * returns. */
int operator_key_make(const Ctl *ctl, const KeySource *source, const char *label, OperatorKey *ret_key);

/* Whether --label, if given, is one. */
int operator_check_label(const Ctl *ctl);
