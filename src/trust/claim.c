/* SPDX-License-Identifier: MIT */
/* The claim of an invited machine: its encoding, and whether it is authentic. */

#include "trust/claim.h"

#include <sodium.h>

#include "basic/byte-reader.h"
#include "proto/error.h"

#define VERSION 1

static_assert(CLAIM_BODY_MAX + SIGNATURE_SIZE + SEALED_BOX_OVERHEAD <= CLAIM_SEALED_MAX,
              "every claim fits its limit");

/* The fields of a fixed size, in order; behind them the time, the description and the MAC. */
static const struct {
        size_t offset, size;
} fields[] = {
        { offsetof(Claim, token_id), TOKEN_ID_SIZE },     { offsetof(Claim, secret), TOKEN_SECRET_SIZE },
        { offsetof(Claim, device_key), PUBLIC_KEY_SIZE }, { offsetof(Claim, wireguard_key), X25519_SIZE },
        { offsetof(Claim, ephemeral_key), X25519_SIZE },  { offsetof(Claim, nonce), CLAIM_NONCE_SIZE },
};

void claim_done(Claim *claim)
{
        sodium_memzero(claim, sizeof *claim);
}

static bool agreement_key_valid(const uint8_t key[static X25519_SIZE])
{
        return x25519_key_is_canonical(key) && x25519_key_is_valid(key);
}

static bool description_valid(const char *text)
{
        while (*text >= ' ' && *text <= '~')
                text++;
        return *text == '\0';
}

static bool claim_valid(const Claim *claim)
{
        return public_key_is_valid(&claim->device_key) && agreement_key_valid(claim->wireguard_key) &&
               agreement_key_valid(claim->ephemeral_key) && description_valid(claim->description);
}

/* All but the MAC. */
static size_t format_head(const Claim *claim, uint8_t ret_body[static CLAIM_BODY_MAX])
{
        const uint8_t *from = (const uint8_t *) claim;
        uint8_t *at = ret_body;

        *at++ = VERSION;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                at = put_bytes(at, from + fields[i].offset, fields[i].size);
        at = put_be64(at, claim->device_time_ms);
        at = put_text(at, claim->description);

        return (size_t) (at - ret_body);
}

size_t claim_body_format(const Claim *claim, uint8_t ret_body[static CLAIM_BODY_MAX])
{
        size_t size = format_head(claim, ret_body);

        (void) put_bytes(ret_body + size, claim->mac.bytes, SHA256_SIZE);
        return size + SHA256_SIZE;
}

/* The MAC that the claim must have, from either end of the agreement. */
static int compute_mac(const Claim *claim, const Secret *mine, const uint8_t other[static X25519_SIZE],
                       Sha256 *ret_mac)
{
        _cleanup_(secret_freep) Secret *key = NULL;
        uint8_t body[CLAIM_BODY_MAX];

        int r = enrolment_agree(mine, other, "possession", BYTES_OF(claim->token_id), &key);
        if (r < 0)
                return r;

        size_t size = format_head(claim, body);
        hmac_sha256(secret_bytes(key), BYTES(body, size), ret_mac);
        sodium_memzero(body, sizeof body);
        return 0;
}

int claim_prove(Claim *claim, const Secret *wireguard_key, const uint8_t hub_claim_key[static X25519_SIZE])
{
        if (!claim_valid(claim))
                return DEVBOX_ERROR_BAD_SCHEMA;

        return compute_mac(claim, wireguard_key, hub_claim_key, &claim->mac);
}

int claim_body_parse(Bytes body, Claim *ret_claim)
{
        ByteReader reader = { body, false };
        uint8_t *to = (uint8_t *) ret_claim, version = byte_reader_take_byte(&reader);

        *ret_claim = (Claim){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                byte_reader_take(&reader, to + fields[i].offset, fields[i].size);
        ret_claim->device_time_ms = byte_reader_take_be64(&reader);
        byte_reader_take_text(&reader, ret_claim->description, sizeof ret_claim->description);
        byte_reader_take(&reader, ret_claim->mac.bytes, SHA256_SIZE);

        if (version == VERSION && byte_reader_is_done(&reader) && claim_valid(ret_claim))
                return 0;

        claim_done(ret_claim);
        return DEVBOX_ERROR_BAD_ENVELOPE;
}

void claim_digest(Bytes body, const Signature *signature, Sha256 *ret_digest)
{
        sha256_of_parts((Bytes[]){ body, BYTES_OF(signature->bytes) }, 2, ret_digest);
}

/* ---- in the box */

int claim_seal(Bytes body, const Signature *signature, const uint8_t hub_claim_key[static X25519_SIZE],
               uint8_t ret_sealed[static CLAIM_SEALED_MAX], size_t *ret_size)
{
        uint8_t plain[CLAIM_BODY_MAX + SIGNATURE_SIZE];
        size_t size = body.size + SIGNATURE_SIZE;

        assert(size <= sizeof plain);
        (void) put_bytes(put_bytes(plain, body.data, body.size), signature->bytes, SIGNATURE_SIZE);
        int r = sealed_box_seal(hub_claim_key, BYTES(plain, size), ret_sealed);
        sodium_memzero(plain, sizeof plain);
        if (r < 0)
                return r;

        *ret_size = size + SEALED_BOX_OVERHEAD;
        return 0;
}

int claim_verify(Bytes body, const PublicKey *device_key, const Signature *signature)
{
        uint8_t *pae;
        size_t size;

        int r = dsse_pae(CLAIM_TYPE, body, &pae, &size);
        if (r < 0)
                return r;

        bool valid = ed25519_verify(device_key, BYTES(pae, size), signature);
        sodium_memzero(pae, size);
        free(pae);
        return valid ? 0 : DEVBOX_ERROR_BAD_SIG;
}

static int verify_mac(const Claim *claim, const Secret *hub_claim_key)
{
        Sha256 mac;

        int r = compute_mac(claim, hub_claim_key, claim->wireguard_key, &mac);
        if (r < 0)
                return r;

        return sodium_memcmp(mac.bytes, claim->mac.bytes, sizeof mac.bytes) == 0 ? 0 : DEVBOX_ERROR_BAD_SIG;
}

/* Body and signature, out of the box. */
static int read_plain(Bytes plain, const Secret *hub_claim_key, Claim *ret_claim, Sha256 *ret_digest)
{
        Bytes body = BYTES(plain.data, plain.size - SIGNATURE_SIZE);
        Signature signature;

        memcpy(signature.bytes, plain.data + body.size, sizeof signature.bytes);
        int r = claim_body_parse(body, ret_claim);
        if (r == 0)
                r = claim_verify(body, &ret_claim->device_key, &signature);
        if (r == 0)
                r = verify_mac(ret_claim, hub_claim_key);
        if (r == 0)
                claim_digest(body, &signature, ret_digest);
        return r;
}

int claim_open(Bytes sealed, const Secret *hub_claim_key, Claim *ret_claim, Sha256 *ret_digest)
{
        uint8_t plain[CLAIM_SEALED_MAX];

        if (sealed.size < SEALED_BOX_OVERHEAD + SIGNATURE_SIZE || sealed.size > CLAIM_SEALED_MAX ||
            sealed_box_open(hub_claim_key, sealed, plain) < 0) {
                claim_done(ret_claim);
                return DEVBOX_ERROR_BAD_ENVELOPE;
        }

        int r = read_plain(BYTES(plain, sealed.size - SEALED_BOX_OVERHEAD), hub_claim_key, ret_claim,
                           ret_digest);
        if (r != 0)
                claim_done(ret_claim);
        sodium_memzero(plain, sizeof plain);
        return r;
}
