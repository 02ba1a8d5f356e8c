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

/* A file that is encrypted as it arrives, in constant memory. */
typedef struct AttachmentWriter AttachmentWriter;

/* Errors: -ENOMEM; -EIO OpenSSL refuses. */
int attachment_writer_new(AttachmentWriter **ret_writer);
AttachmentWriter *attachment_writer_free(AttachmentWriter *writer);
DEFINE_CLEANUP(AttachmentWriter, attachment_writer_free);

/* `ret_cipher` has room for as many bytes as `plain` has. Errors: -EFBIG more than ATTACHMENT_SIZE_MAX in
 * all; -EIO. */
int attachment_writer_add(AttachmentWriter *writer, Bytes plain, uint8_t *ret_cipher);

/* The EncryptedFile object of what was added so far, without its `url`; the caller deletes it. Errors:
 * -ENOMEM. */
int attachment_writer_describe(const AttachmentWriter *writer, cJSON **ret_file);

/* `ret_plain` is as long as `cipher`. Nothing is decrypted before the hash is right. Errors: -EBADMSG
 * another version, malformed, or other bytes than those that were encrypted; -EFBIG; -ENOMEM; -EIO. */
int attachment_decrypt(Bytes cipher, const cJSON *file, uint8_t **ret_plain);
