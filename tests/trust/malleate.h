/* SPDX-License-Identifier: MIT */
#pragma once

/* A signature (R, S) as (R, S + L), L the order of the group: valid wherever S is not bounded. */

#include "crypto/ed25519.h"

static inline void signature_malleate(Signature *signature)
{
        static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
        uint8_t *s = signature->bytes + 32;
        unsigned carry = 0;

        for (size_t i = 0; i < sizeof order; i++) {
                carry += s[i] + order[i];
                s[i] = (uint8_t) carry;
                carry >>= 8;
        }
}
