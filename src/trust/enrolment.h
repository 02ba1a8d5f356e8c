/* SPDX-License-Identifier: MIT */
#pragma once

/* What device and hub both derive while a device joins. Nothing of it is ever sent: not the bootstrap keys,
 * not the digits, not the preshared key.
 *
 *     HKDF(key, "DBX-ENROL-v1\0" label "\0" context)
 *
 *     label            key                                           context
 *     bootstrap key    the token's secret                            token id
 *     bootstrap psk    the token's secret                            token id
 *     possession       X25519(WireGuard key, hub's claim key)        token id
 *     answer           X25519(hub's claim key, device's ephemeral)   claim digest
 *     psk              X25519(ephemerals), then the token's secret   claim digest, hub's ephemeral
 *
 * The digits are SHA-256("DBX-ENROL-v1\0" "digits\0" claim digest, nonce): the first 8 bytes, modulo 10^6.
 * The hub draws the nonce after it has committed the claim, so that a claim cannot be searched for which
 * gives the digits of another. */

#include "crypto/sha256.h"
#include "crypto/x25519.h"
#include "trust/token.h"

#define ENROLMENT_NONCE_SIZE  32
#define ENROLMENT_DIGITS_SIZE 8 /* "482 913" with the NUL */

/* The bootstrap tunnel: link-local IPv4, so that machines without IPv6 can join. Its network is the lower
 * half of 169.254.0.0/16: clouds answer at 169.254.169.254. */
#define ENROLMENT_HUB_ADDRESS   "169.254.42.1"
#define ENROLMENT_DEVICES       "169.254.64.0/18"
#define ENROLMENT_PREFIX_LENGTH 17
#define ENROLMENT_PORT          51821

/* The tunnel that a token opens, for its device: with it the enrolment port of the hub can be reached and
 * nothing else. The hub uses the public key. */
typedef struct Bootstrap {
        Secret *private_key, *preshared_key;
        uint8_t public_key[X25519_SIZE];
        uint8_t address[4]; /* in 169.254.64.0/18, network order; two tokens may have the same */
} Bootstrap;

#define BOOTSTRAP_NULL ((Bootstrap){ .private_key = NULL })

void bootstrap_done(Bootstrap *bootstrap);

/* Errors: -ENOMEM. */
int bootstrap_derive(const uint8_t token_id[static TOKEN_ID_SIZE],
                     const uint8_t secret[static TOKEN_SECRET_SIZE], Bootstrap *ret_bootstrap);

/* The address alone, which depends on the id only. */
void bootstrap_address(const uint8_t token_id[static TOKEN_ID_SIZE], uint8_t ret_address[static 4]);

/* What people compare on both screens. */
void enrolment_digits(const Sha256 *claim_sha256, const uint8_t nonce[static ENROLMENT_NONCE_SIZE],
                      char ret_digits[static ENROLMENT_DIGITS_SIZE]);

/* Of one side, the secret half of its ephemeral key; of the other the public one. */
typedef struct PresharedKeyInput {
        const Secret *ephemeral;
        const uint8_t *other_ephemeral, *hub_ephemeral; /* X25519_SIZE */
        const uint8_t *token_secret;                    /* TOKEN_SECRET_SIZE */
        const Sha256 *claim_sha256;
} PresharedKeyInput;

/* The preshared key of the device's own tunnel. It needs the token's secret, which never crosses the network
 * unsealed, so that recorded traffic stays closed even if X25519 falls. Errors: -EBADMSG an ephemeral key
 * of small order; -ENOMEM. */
int enrolment_preshared_key(const PresharedKeyInput *input, Secret **ret_key);

/* For the boxes of this folder: HKDF of X25519(secret, other) by a label of the table above. Errors:
 * -EBADMSG a key of small order; -ENOMEM. */
int enrolment_agree(const Secret *secret, const uint8_t other[static X25519_SIZE], const char *label,
                    Bytes context, Secret **ret_key);
