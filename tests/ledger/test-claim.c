/* SPDX-License-Identifier: MIT */
/* What the key of the device signs for others. */

#include "trust/claim.h"

#include "ledger-world.h"

/* Also before the enrolment. */
static void test_claims_are_signed_for_this_key_only(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(secret_freep) Secret *secret = NULL;
        uint8_t body[CLAIM_BODY_MAX];
        uint8_t *pae = NULL;
        Claim claim = { .description = "Debian GNU/Linux 12, x86_64" };
        Signature signature;
        size_t pae_size;

        assert_ok(x25519_generate(&secret, claim.wireguard_key));
        memcpy(claim.ephemeral_key, claim.wireguard_key, X25519_SIZE);
        claim.device_key = *key_pair_public(world_key(KEY_DEVICE));
        size_t size = claim_body_format(&claim, body);
        assert_int_equal(ledger_sign_claim(world->ledger, BYTES(body, size), &signature), 0);
        assert_ok(dsse_pae("application/vnd.devbox.claim.v1", BYTES(body, size), &pae, &pae_size));
        assert_true(ed25519_verify(&claim.device_key, BYTES(pae, pae_size), &signature));
        free(pae);

        assert_int_equal(ledger_sign_claim(world->ledger, BYTES(body, size - 1), &signature),
                         DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(ledger_sign_claim(world->ledger, bytes_of_string("{}"), &signature),
                         DEVBOX_ERROR_BAD_ENVELOPE);
        claim.device_key = *key_pair_public(world_key(KEY_STRANGER));
        size = claim_body_format(&claim, body);
        assert_int_equal(ledger_sign_claim(world->ledger, BYTES(body, size), &signature),
                         DEVBOX_ERROR_WRONG_DEVICE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test_empty(test_claims_are_signed_for_this_key_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
