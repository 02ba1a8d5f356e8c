/* SPDX-License-Identifier: MIT */
#pragma once

/* Bytes as text: lower-case hexadecimal, and base64 (RFC 4648). All readers take exactly one spelling of
 * each value, so that text that differs never means the same bytes. */

#include "basic/bytes.h"

#define HEX_SIZE(bytes)             ((bytes) *2 + 1)            /* with the NUL */
#define BASE64_SIZE(bytes)          (((bytes) + 2) / 3 * 4 + 1) /* with the NUL */
#define BASE64_UNPADDED_SIZE(bytes) (((bytes) *4 + 2) / 3 + 1)

/* Writes HEX_SIZE(bytes.size) characters, or BASE64_SIZE(bytes.size). */
void hex_format(Bytes bytes, char *ret_text);
void base64_format(Bytes bytes, char *ret_text);

/* The alphabet of RFC 4648, section 5, and that of section 4, both without padding: writes
 * BASE64_UNPADDED_SIZE(bytes.size) characters. */
void base64url_format(Bytes bytes, char *ret_text);
void base64_unpadded_format(Bytes bytes, char *ret_text);

/* All of `text` must be `size` bytes, which are undefined on failure. Not for secrets. Errors: -EINVAL. */
int hex_decode(Bytes text, void *ret_bytes, size_t size);
int hex_parse(const char *text, void *ret_bytes, size_t size);

/* Any number of bytes up to `max`; the caller frees `ret_bytes` (never NULL on success).
 * Errors: -EINVAL; -EFBIG more than `max`; -ENOMEM. */
int base64_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size);
int base64url_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size);
int base64_unpadded_parse(const char *text, size_t max, uint8_t **ret_bytes, size_t *ret_size);
