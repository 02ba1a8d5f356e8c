/* SPDX-License-Identifier: MIT */
/* What device and hub derive while a device joins. */

#include "trust/enrolment.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define DOMAIN    "DBX-ENROL-v1"
#define LABEL_MAX 32
#define KEY_SIZE  32

/* "DBX-ENROL-v1\0" label "\0"; returns the size. */
static size_t format_label(const char *label, char ret_text[static LABEL_MAX])
{
        int size = snprintf(ret_text, LABEL_MAX, DOMAIN "%c%s", 0, label);

        assert(size > 0 && size < LABEL_MAX);
        return (size_t) size + 1;
}

static int derive_key(Bytes key, const char *label, Bytes context, Secret **ret_key)
{
        uint8_t info[LABEL_MAX + SHA256_SIZE + X25519_SIZE], derived[KEY_SIZE];
        size_t size = format_label(label, (char *) info);

        assert(context.size <= sizeof info - LABEL_MAX);
        (void) put_bytes(info + size, context.data, context.size);
        hkdf_sha256(key, BYTES(info, size + context.size), derived, sizeof derived);

        int r = secret_new(derived, sizeof derived, ret_key);
        sodium_memzero(derived, sizeof derived);
        return r;
}

/* ---- the bootstrap tunnel */

void bootstrap_done(Bootstrap *bootstrap)
{
        bootstrap->private_key = secret_free(bootstrap->private_key);
        bootstrap->preshared_key = secret_free(bootstrap->preshared_key);
}

void bootstrap_address(const uint8_t token_id[static TOKEN_ID_SIZE], uint8_t ret_address[static 4])
{
        char label[LABEL_MAX];
        size_t size = format_label("bootstrap address", label);
        Sha256 digest;

        sha256_of_parts((Bytes[]){ BYTES(label, size), BYTES(token_id, TOKEN_ID_SIZE) }, 2, &digest);
        ret_address[0] = 169;
        ret_address[1] = 254;
        ret_address[2] = (uint8_t) (64 + digest.bytes[0] % 64);
        ret_address[3] = digest.bytes[1];
}

int bootstrap_derive(const uint8_t token_id[static TOKEN_ID_SIZE],
                     const uint8_t secret[static TOKEN_SECRET_SIZE], Bootstrap *ret_bootstrap)
{
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;
        Bytes key = BYTES(secret, TOKEN_SECRET_SIZE), id = BYTES(token_id, TOKEN_ID_SIZE);

        int r = derive_key(key, "bootstrap key", id, &bootstrap.private_key);
        if (r == 0)
                r = derive_key(key, "bootstrap psk", id, &bootstrap.preshared_key);
        if (r < 0)
                return r;

        x25519_public(bootstrap.private_key, bootstrap.public_key);
        bootstrap_address(token_id, bootstrap.address);
        *ret_bootstrap = TAKE(bootstrap, BOOTSTRAP_NULL);
        return 0;
}

/* ---- the digits */

void enrolment_digits(const Sha256 *claim_sha256, const uint8_t nonce[static ENROLMENT_NONCE_SIZE],
                      char ret_digits[static ENROLMENT_DIGITS_SIZE])
{
        char label[LABEL_MAX];
        size_t size = format_label("digits", label);
        Sha256 digest;

        sha256_of_parts((Bytes[]){ BYTES(label, size), BYTES_OF(claim_sha256->bytes),
                                   BYTES(nonce, ENROLMENT_NONCE_SIZE) },
                        3, &digest);
        unsigned number = (unsigned) (get_be64(digest.bytes) % 1000000);
        (void) snprintf(ret_digits, ENROLMENT_DIGITS_SIZE, "%03u %03u", number / 1000, number % 1000);
}

/* ---- keys that both sides agree on */

int enrolment_agree(const Secret *secret, const uint8_t other[static X25519_SIZE], const char *label,
                    Bytes context, Secret **ret_key)
{
        _cleanup_(secret_freep) Secret *shared = NULL;

        int r = x25519_agree(secret, other, &shared);
        return r < 0 ? r : derive_key(secret_bytes(shared), label, context, ret_key);
}

int enrolment_preshared_key(const PresharedKeyInput *input, Secret **ret_key)
{
        _cleanup_(secret_freep) Secret *shared = NULL;
        uint8_t key[X25519_SIZE + TOKEN_SECRET_SIZE], context[SHA256_SIZE + X25519_SIZE];

        int r = x25519_agree(input->ephemeral, input->other_ephemeral, &shared);
        if (r < 0)
                return r;

        (void) put_bytes(put_bytes(key, secret_bytes(shared).data, X25519_SIZE), input->token_secret,
                         TOKEN_SECRET_SIZE);
        (void) put_bytes(put_bytes(context, input->claim_sha256->bytes, SHA256_SIZE), input->hub_ephemeral,
                         X25519_SIZE);
        r = derive_key(BYTES_OF(key), "psk", BYTES_OF(context), ret_key);
        sodium_memzero(key, sizeof key);
        return r;
}
