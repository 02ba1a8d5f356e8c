/* SPDX-License-Identifier: MIT */
#pragma once

/* Encrypted attachments, version "v2": AES-256 in counter mode under a key of the file's own, and the
 * SHA-256 of the ciphertext; key and hash travel in the encrypted event (Matrix specification, "Sending
 * encrypted attachments").
 *
 * AES is OpenSSL's: libsodium has none in counter mode, libolm does not offer its own (and has tables in it,
 * which leak timing), and curl has already brought libcrypto into the process. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"

#define ATTACHMENT_SIZE_MAX ((size_t) 64 * 1024 * 1024)

/* `ret_cipher` is as long as `plain` (not NULL if that is empty), and is freed by the caller, as `ret_file`
 * is deleted: the EncryptedFile object without its `url`. Errors: -EFBIG; -ENOMEM; -EIO OpenSSL refuses. */
int attachment_encrypt(Bytes plain, uint8_t **ret_cipher, cJSON **ret_file);

/* `ret_plain` is as long as `cipher`. Nothing is decrypted before the hash is right. Errors: -EBADMSG
 * another version, malformed, or other bytes than those that were encrypted; -EFBIG; -ENOMEM; -EIO. */
int attachment_decrypt(Bytes cipher, const cJSON *file, uint8_t **ret_plain);
