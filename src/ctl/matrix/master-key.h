/* SPDX-License-Identifier: MIT */
#pragma once

/* The master key of a Matrix user's cross-signing identity, as people compare it: unpadded base64, in groups
 * of four as Element shows keys. */

#include "codec/binary-text.h"
#include "crypto/ed25519.h"

#define MASTER_KEY_SIZE (BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE) + PUBLIC_KEY_SIZE / 3) /* with the NUL */

/* Returns `ret_text`. */
const char *master_key_format(const PublicKey *key, char ret_text[static MASTER_KEY_SIZE]);

/* That, without or with any blanks in it; or 64 hexadecimal digits, as people.yaml has them. Errors: -EINVAL
 * neither, or no usable key; -ENOMEM. */
int master_key_parse(const char *text, PublicKey *ret_key);
