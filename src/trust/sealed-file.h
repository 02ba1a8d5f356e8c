/* SPDX-License-Identifier: MIT */
#pragma once

/* Private keys of a daemon at rest. Its folder holds boxes only; what opens them is the secret "seal", which
 * systemd hands over decrypted (LoadCredentialEncrypted=, so the machine or its TPM keeps it), or which is a
 * file of that name where the machine has no such credential.
 *
 *         seal ──HKDF(name)──► key of one box: a box does not open under another name
 */

#include "crypto/secret.h"

#define SEALED_KEY_SIZE 32

/* The seal: `seal` in the folder `credentials` ($CREDENTIALS_DIRECTORY; NULL: none), else the file `seal`
 * 0600 in `directory_fd`, which is made at first. Errors: -EPERM others may access the file; -EINVAL it has
 * not SEALED_KEY_SIZE bytes; those of reading and writing files. */
int seal_load(int directory_fd, const char *credentials, Secret **ret_seal);

/* The key of the boxes for `purpose`, such as "mesh.db", for crypto/secretbox.h. Errors: -ENOMEM. */
int seal_derive(const Secret *seal, const char *purpose, Secret **ret_key);

/* A key of SEALED_KEY_SIZE bytes in a file. Errors: -ENOENT; -EBADMSG sealed otherwise, or altered; -EPERM
 * others may access it; those of reading. */
int sealed_file_read(int directory_fd, const char *name, const Secret *seal, Secret **ret_key);

/* Replaces the file. On success the key is durable and was read back. Errors: -EINVAL another size; -EIO it
 * reads back otherwise; those of writing. */
int sealed_file_write(int directory_fd, const char *name, const Secret *seal, const Secret *key);

/* Reads it; makes it from random bytes where there is none. */
int sealed_file_load(int directory_fd, const char *name, const Secret *seal, Secret **ret_key);
