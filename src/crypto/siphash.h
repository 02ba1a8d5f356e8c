/* SPDX-License-Identifier: MIT */
#pragma once

/* SipHash-2-4, by libsodium: the place in a table of a key that is chosen by others. Who does not know the
 * secret cannot choose keys that all have the same place. */

#include "basic/bytes.h"

typedef struct SipKey {
        uint8_t bytes[16];
} SipKey;

/* A secret from the kernel's random generator. */
void sip_key_make(SipKey *ret_key);

uint64_t siphash(const SipKey *key, Bytes data);
