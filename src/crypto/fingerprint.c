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

/* The NUL of the domain is part of what is hashed. */
static void format_words(Bytes domain, Bytes bytes, char *ret_text)
{
        char *at = ret_text;
        Sha256 digest;

        sha256_of_parts((Bytes[]){ domain, bytes }, 2, &digest);
        for (size_t i = 0; i < WORDS; i++) {
                at = put_word(at, (unsigned) digest.bytes[2 * i] << 8 | digest.bytes[2 * i + 1]);
                *at++ = i + 1 < WORDS ? '-' : '\0';
        }
}

void fingerprint_format(const PublicKey *key, char ret_text[static FINGERPRINT_SIZE])
{
        static const char domain[] = "DBX-WORDS-v1";

        format_words(BYTES(domain, sizeof domain), BYTES_OF(key->bytes), ret_text);
}

void fingerprint_format_root(const Sha256 *root, char ret_text[static FINGERPRINT_SIZE])
{
        static const char domain[] = "DBX-ROOT-WORDS-v1";

        format_words(BYTES(domain, sizeof domain), BYTES_OF(root->bytes), ret_text);
}
