/* SPDX-License-Identifier: MIT */
#pragma once

/* The claim: with it a machine asks to be the device that a token invites. Binary, integers big-endian; the
 * body is
 *
 *     1 version (1) | 16 token id | 32 token secret | 32 device key (Ed25519) | 32 WireGuard key | 32
 *     ephemeral key | 16 nonce | 8 device's time, ms since 1970 | 1+n description | 32 MAC
 *
 * The MAC is HMAC-SHA256 over all before, under a key agreed between the WireGuard key and the hub's key for
 * claims: it proves possession of the WireGuard key. The device key signs the body (DSSE, CLAIM_TYPE). Body
 * and signature travel in one box sealed to the hub's key for claims; SHA-256 of the two names the claim. */

#include "crypto/sealed-box.h"
#include "trust/enrolment.h"

#define CLAIM_TYPE            "application/vnd.devbox.claim.v1"
#define CLAIM_NONCE_SIZE      16
#define CLAIM_DESCRIPTION_MAX 127
#define CLAIM_BODY_MAX        (1 + 16 + 32 + 3 * 32 + 16 + 8 + 1 + CLAIM_DESCRIPTION_MAX + SHA256_SIZE)
#define CLAIM_SEALED_MAX      512

typedef struct Claim {
        uint8_t token_id[TOKEN_ID_SIZE];
        uint8_t secret[TOKEN_SECRET_SIZE]; /* of the token */
        PublicKey device_key;
        uint8_t wireguard_key[X25519_SIZE], ephemeral_key[X25519_SIZE];
        uint8_t nonce[CLAIM_NONCE_SIZE];
        uint64_t device_time_ms;
        char description[CLAIM_DESCRIPTION_MAX + 1]; /* "Debian GNU/Linux 12, x86_64": graphic ASCII; may be
                                                        empty */
        Sha256 mac;
} Claim;

/* Wipes the secret. */
void claim_done(Claim *claim);

/* Sets the MAC. Errors: DEVBOX_ERROR_BAD_SCHEMA the claim could not be read again; -EBADMSG the hub's key
 * has a small order; -ENOMEM. */
int claim_prove(Claim *claim, const Secret *wireguard_key, const uint8_t hub_claim_key[static X25519_SIZE]);

/* Each claim has one encoding. It holds the secret: the caller wipes it. Returns the size. */
size_t claim_body_format(const Claim *claim, uint8_t ret_body[static CLAIM_BODY_MAX]);

/* Verifies the form: also that the keys are canonical and of large order. Errors: DEVBOX_ERROR_BAD_ENVELOPE;
 * then `ret_claim` is wiped. */
int claim_body_parse(Bytes body, Claim *ret_claim);

/* SHA-256(body, signature). */
void claim_digest(Bytes body, const Signature *signature, Sha256 *ret_digest);

/* Whether the device key signed the body. Errors: DEVBOX_ERROR_BAD_SIG, -ENOMEM. */
int claim_verify(Bytes body, const PublicKey *device_key, const Signature *signature);

/* Errors: -EBADMSG the hub's key has a small order. */
int claim_seal(Bytes body, const Signature *signature, const uint8_t hub_claim_key[static X25519_SIZE],
               uint8_t ret_sealed[static CLAIM_SEALED_MAX], size_t *ret_size);

/* Opens the box and verifies signature and MAC; whether the token is one is the caller's to decide. Errors:
 * DEVBOX_ERROR_BAD_ENVELOPE not sealed to this key, or no claim; DEVBOX_ERROR_BAD_SIG; -ENOMEM. Then
 * `ret_claim` is wiped. */
int claim_open(Bytes sealed, const Secret *hub_claim_key, Claim *ret_claim, Sha256 *ret_digest);
