/* SPDX-License-Identifier: MIT */
/* A key as six words. */

#include "crypto/fingerprint.h"

#define WORDS 6

static char *put_word(char *at, unsigned bits)
{
        static const char consonants[] = "bdfghjklmnprstvz", vowels[] = "aiou";

        *at++ = consonants[bits >> 12 & 15];
        *at++ = vowels[bits >> 10 & 3];
        *at++ = consonants[bits >> 6 & 15];
        *at++ = vowels[bits >> 4 & 3];
        *at++ = consonants[bits & 15];
        return at;
}

void fingerprint_format(const PublicKey *key, char ret_text[static FINGERPRINT_SIZE])
{
        static const char domain[] = "DBX-WORDS-v1"; /* its NUL is part of it */
        char *at = ret_text;
        Sha256 digest;

        sha256_of_parts((Bytes[]){ BYTES(domain, sizeof domain), BYTES_OF(key->bytes) }, 2, &digest);
        for (size_t i = 0; i < WORDS; i++) {
                at = put_word(at, (unsigned) digest.bytes[2 * i] << 8 | digest.bytes[2 * i + 1]);
                *at++ = i + 1 < WORDS ? '-' : '\0';
        }
}
