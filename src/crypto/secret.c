/* SPDX-License-Identifier: MIT */
/* A secret text in guarded memory. */

#include "crypto/secret.h"

#include <sodium.h>
#include <stdalign.h>
#include <stdlib.h>

struct Secret {
        size_t size;
        unsigned char bytes[];
};

static Secret *allocate(size_t size)
{
        if (sodium_init() < 0)
                return NULL;

        /* What sodium_malloc() returns ends at a guard page, and so begins aligned only if its size is. */
        size_t room = (sizeof(Secret) + size + alignof(Secret) - 1) / alignof(Secret) * alignof(Secret);
        Secret *secret = sodium_malloc(room);
        if (secret)
                secret->size = size;
        return secret;
}

int secret_new(const void *bytes, size_t size, Secret **ret_secret)
{
        Secret *secret = allocate(size);
        if (!secret)
                return -ENOMEM;

        if (size > 0)
                memcpy(secret->bytes, bytes, size);
        (void) sodium_mprotect_readonly(secret);

        *ret_secret = secret;
        return 0;
}

int secret_new_random(size_t size, Secret **ret_secret)
{
        Secret *secret = allocate(size);
        if (!secret)
                return -ENOMEM;

        randombytes_buf(secret->bytes, size);
        (void) sodium_mprotect_readonly(secret);

        *ret_secret = secret;
        return 0;
}

Secret *secret_free(Secret *secret)
{
        sodium_free(secret); /* wipes, also a read-only page; accepts NULL */
        return NULL;
}

bool secret_equals(const Secret *secret, const char *text)
{
        unsigned char ours[crypto_hash_sha256_BYTES], theirs[crypto_hash_sha256_BYTES];

        crypto_hash_sha256(ours, secret->bytes, secret->size);
        crypto_hash_sha256(theirs, (const unsigned char *) text, strlen(text));
        bool equal = sodium_memcmp(ours, theirs, sizeof ours) == 0;

        sodium_memzero(ours, sizeof ours);
        return equal;
}

Bytes secret_bytes(const Secret *secret)
{
        return BYTES(secret->bytes, secret->size);
}

int secret_copy_text(const Secret *secret, char **ret_text)
{
        *ret_text = strndup((const char *) secret->bytes, secret->size);
        return *ret_text ? 0 : -ENOMEM;
}

char *secret_text_free(char *text)
{
        if (text)
                sodium_memzero(text, strlen(text));
        free(text);
        return NULL;
}
