/* SPDX-License-Identifier: MIT */
#pragma once

/* SHA-256 (FIPS 180-4), by Nettle. A digest is a value: copied, compared, never freed. */

#include "basic/bytes.h"

#define SHA256_SIZE 32

typedef struct Sha256 {
        uint8_t bytes[SHA256_SIZE];
} Sha256;

void sha256(Bytes data, Sha256 *ret_digest);

/* The digest of the parts one after the other, without joining them in memory. */
void sha256_of_parts(const Bytes *parts, size_t n_parts, Sha256 *ret_digest);

/* The digest of data as it arrives. A value: copied freely, nothing to release. */
typedef struct Sha256State {
        _Alignas(8) uint8_t bytes[112];
} Sha256State;

void sha256_init(Sha256State *state);
void sha256_update(Sha256State *state, Bytes data);
void sha256_final(const Sha256State *state, Sha256 *ret_digest); /* of the data so far; more may follow */

static inline bool sha256_equal(const Sha256 *a, const Sha256 *b)
{
        return memcmp(a, b, sizeof *a) == 0; /* digests are public: no need for constant time */
}

/* Thirty-two zero bytes stand for "none": no known data hash to them. */
static inline bool sha256_is_null(const Sha256 *digest)
{
        return sha256_equal(digest, &(Sha256){ { 0 } });
}
