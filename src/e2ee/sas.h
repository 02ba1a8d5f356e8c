/* SPDX-License-Identifier: MIT */
#pragma once

/* The arithmetic of m.sas.v1: two ephemeral keys, the short string that two people compare, and the MACs
 * over their long-term keys. Key agreement curve25519-hkdf-sha256, hash sha256, MAC hkdf-hmac-sha256.v2.
 * Source: Matrix specification, "Short Authentication String (SAS) verification". */

#include "crypto/secret.h"
#include "e2ee/ratchet.h"

#define SAS_SIZE     6 /* bytes that the short string is made of */
#define SAS_EMOJIS   7
#define SAS_DECIMALS 3

/* Makes an ephemeral key. Errors: -ENOMEM. */
int sas_generate(Secret **ret_secret, char ret_public[static CURVE25519_TEXT_SIZE]);

/* What both sides agree on. Errors: -EBADMSG their key is malformed or of small order; -ENOMEM. */
int sas_agree(const Secret *secret, const char *their_public, Secret **ret_shared);

void sas_bytes(const Secret *shared, const char *info, uint8_t ret_bytes[static SAS_SIZE]);

/* HMAC of the text under a key derived with `info`, in unpadded base64. */
void sas_mac(const Secret *shared, const char *text, const char *info,
             char ret_mac[static CURVE25519_TEXT_SIZE]);

/* SHA-256 of the public key and the canonical start message, in unpadded base64. */
void sas_commitment(const char *public, const char *start, char ret_commitment[static CURVE25519_TEXT_SIZE]);

typedef struct SasEmoji {
        const char *symbol, *name;
} SasEmoji;

/* What to show: seven emojis, or three numbers of four digits. */
void sas_emojis(const uint8_t bytes[static SAS_SIZE], const SasEmoji *ret_emojis[static SAS_EMOJIS]);
void sas_decimals(const uint8_t bytes[static SAS_SIZE], unsigned ret_decimals[static SAS_DECIMALS]);
