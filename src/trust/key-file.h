/* SPDX-License-Identifier: MIT */
#pragma once

/* A private key in a file: JSON with role, label and public key, which are readable without the passphrase,
 * and the sealed seed.
 *
 *     {"v":1,"role":"manifest","label":"ana-2026","public":"<hex>","sealed":"<base64>"}
 *
 * A password manager may keep the bare seed instead, as 64 hexadecimal digits or 44 characters of base64. */

#include "crypto/ed25519.h"
#include "crypto/seal.h"
#include "schema/schema.h"

#define KEY_FILE_MAX 8192

typedef struct KeyFile {
        char *role; /* a name of root_role_name(), or "operator" for a key that may have several */
        char *label;
        PublicKey public;
        SchemaBlob sealed;
} KeyFile;

extern const Schema key_file_schema;
DEFINE_DOCUMENT(KeyFile, key_file);

/* The text of a new file with the role and label of `like`, which the caller frees. Errors: -EINVAL role,
 * label or cost; -ENOMEM. */
int key_file_seal(const KeyFile *like, const KeyPair *pair, const Secret *passphrase, SealCost cost,
                  char **ret_text);

/* Errors: -EACCES wrong passphrase; -EBADMSG damaged, or the sealed key is not the public one; -ENOMEM. */
int key_file_unseal(const KeyFile *file, const Secret *passphrase, KeyPair **ret_pair);

/* A bare seed; blanks and line ends around it are ignored. Errors: -EINVAL, -ENOMEM. */
int key_seed_parse(const Secret *text, KeyPair **ret_pair);
