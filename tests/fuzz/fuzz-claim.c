/* SPDX-License-Identifier: MIT */
/* Claims: what is read has exactly one encoding, and what is in a box is a claim of the one who signed it.
 */

#include "fuzz.h"
#include "trust/claim.h"

static Secret *hub_key;
static uint8_t hub_public[X25519_SIZE];

static void check_body(Bytes body)
{
        uint8_t again[CLAIM_BODY_MAX];
        Claim claim;

        if (claim_body_parse(body, &claim) == 0)
                fuzz_check(bytes_equal(body, BYTES(again, claim_body_format(&claim, again))));
        else
                fuzz_check(claim.description[0] == '\0' && claim.device_time_ms == 0);
}

/* As bytes that came, and as bytes that were sealed to the hub's key. */
static void check_box(Bytes data)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        Sha256 digest;
        Claim claim;

        fuzz_check(claim_open(data, hub_key, &claim, &digest) != 0);
        if (data.size <= CLAIM_SEALED_MAX - SEALED_BOX_OVERHEAD) {
                fuzz_check(sealed_box_seal(hub_public, data, sealed) == 0);
                (void) claim_open(BYTES(sealed, data.size + SEALED_BOX_OVERHEAD), hub_key, &claim, &digest);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t seed[X25519_SIZE] = { 2 };

        if (!hub_key) {
                fuzz_check(secret_new(seed, sizeof seed, &hub_key) == 0);
                x25519_public(hub_key, hub_public);
        }
        check_body(BYTES(data, size));
        check_box(BYTES(data, size));
        return 0;
}
