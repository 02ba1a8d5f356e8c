/* SPDX-License-Identifier: MIT */
/* Claims: one encoding each, and no bit of one that could be another. */

#include "trust/claim.h"

#include "proto/error.h"

#include "world.h"

/* A device with its keys, and the hub that it claims from. */
typedef struct Party {
        Secret *hub, *wireguard, *ephemeral;
        uint8_t hub_public[X25519_SIZE];
        Claim claim;
        uint8_t body[CLAIM_BODY_MAX];
        size_t size;
        Signature signature;
} Party;

static void party_done(Party *party)
{
        secret_free(party->hub);
        secret_free(party->wireguard);
        secret_free(party->ephemeral);
}

/* Proves, signs and formats the claim as it is. */
static void party_sign(Party *party)
{
        assert_ok(claim_prove(&party->claim, party->wireguard, party->hub_public));
        party->size = claim_body_format(&party->claim, party->body);
        assert_ok(dsse_sign(world_key(KEY_DEVICE), CLAIM_TYPE, BYTES(party->body, party->size),
                            &party->signature));
}

static void party_init(Party *party)
{
        *party = (Party){ .claim = { .token_id = { 1 },
                                     .secret = { 2 },
                                     .device_key = *key_pair_public(world_key(KEY_DEVICE)),
                                     .nonce = { 3 },
                                     .device_time_ms = UINT64_C(1760000010123),
                                     .description = "Debian GNU/Linux 12, x86_64" } };
        assert_ok(x25519_generate(&party->hub, party->hub_public));
        assert_ok(x25519_generate(&party->wireguard, party->claim.wireguard_key));
        assert_ok(x25519_generate(&party->ephemeral, party->claim.ephemeral_key));
        party_sign(party);
}

static size_t party_seal(const Party *party, uint8_t sealed[static CLAIM_SEALED_MAX])
{
        size_t size;

        assert_ok(claim_seal(BYTES(party->body, party->size), &party->signature, party->hub_public, sealed,
                             &size));
        return size;
}

/* Seals what the party has, opens it, and returns the error. */
static int judge(const Party *party)
{
        uint8_t sealed[CLAIM_SEALED_MAX];
        size_t size = party_seal(party, sealed);
        Claim opened;
        Sha256 digest;

        return claim_open(BYTES(sealed, size), party->hub, &opened, &digest);
}

static void test_round_trip(void **state)
{
        _cleanup_(party_done) Party party = { NULL };
        uint8_t sealed[CLAIM_SEALED_MAX];
        Sha256 digest, expected;
        Claim opened, parsed;

        party_init(&party);
        for (int longest = 0; longest < 2; longest++) {
                size_t size = party_seal(&party, sealed);

                assert_true(size <= CLAIM_SEALED_MAX);
                assert_ok(claim_open(BYTES(sealed, size), party.hub, &opened, &digest));
                assert_memory_equal(&opened, &party.claim, sizeof opened);
                claim_digest(BYTES(party.body, party.size), &party.signature, &expected);
                assert_true(sha256_equal(&digest, &expected));
                assert_ok(claim_body_parse(BYTES(party.body, party.size), &parsed));
                assert_memory_equal(&parsed, &party.claim, sizeof parsed);

                memset(party.claim.description, 'x', CLAIM_DESCRIPTION_MAX);
                party_sign(&party);
        }
}

/* Every flipped bit is rejected, even if the claim is sealed again with the hub's key. */
static void test_every_flipped_bit_is_rejected(void **state)
{
        _cleanup_(party_done) Party party = { NULL };

        party_init(&party);
        assert_ok(judge(&party));
        for (size_t bit = 0; bit < (party.size + SIGNATURE_SIZE) * 8; bit++) {
                uint8_t *byte = bit / 8 < party.size ? &party.body[bit / 8]
                                                     : &party.signature.bytes[bit / 8 - party.size];

                *byte ^= (uint8_t) (1u << bit % 8);
                int outcome = judge(&party);
                assert_true(outcome == DEVBOX_ERROR_BAD_ENVELOPE || outcome == DEVBOX_ERROR_BAD_SIG);
                *byte ^= (uint8_t) (1u << bit % 8);
        }
}

static void test_every_truncation_is_rejected(void **state)
{
        _cleanup_(party_done) Party party = { NULL };
        uint8_t sealed[CLAIM_SEALED_MAX];
        Claim claim;
        Sha256 digest;

        party_init(&party);
        size_t size = party_seal(&party, sealed);
        for (size_t shorter = 0; shorter < size; shorter++)
                assert_err(claim_open(BYTES(sealed, shorter), party.hub, &claim, &digest),
                           DEVBOX_ERROR_BAD_ENVELOPE);

        /* Sealed again with the key of the box. */
        for (size_t shorter = 0; shorter < party.size; shorter++) {
                assert_err(claim_body_parse(BYTES(party.body, shorter), &claim), DEVBOX_ERROR_BAD_ENVELOPE);
                assert_ok(claim_seal(BYTES(party.body, shorter), &party.signature, party.hub_public, sealed,
                                     &size));
                assert_err(claim_open(BYTES(sealed, size), party.hub, &claim, &digest),
                           DEVBOX_ERROR_BAD_ENVELOPE);
        }
        party.body[party.size] = 0;
        assert_err(claim_body_parse(BYTES(party.body, party.size + 1), &claim), DEVBOX_ERROR_BAD_ENVELOPE);
}

static void test_another_hub_cannot_open_it(void **state)
{
        _cleanup_(party_done) Party party = { NULL }, other = { NULL };
        uint8_t sealed[CLAIM_SEALED_MAX];
        Claim claim;
        Sha256 digest;

        party_init(&party);
        party_init(&other);
        size_t size = party_seal(&party, sealed);
        assert_err(claim_open(BYTES(sealed, size), other.hub, &claim, &digest), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_true(sha256_is_null((Sha256 *) claim.secret));

        /* A hub that was claimed from passes the claim on to another, sealed anew: the MAC does not fit. */
        assert_ok(claim_seal(BYTES(party.body, party.size), &party.signature, other.hub_public, sealed,
                             &size));
        assert_err(claim_open(BYTES(sealed, size), other.hub, &claim, &digest), DEVBOX_ERROR_BAD_SIG);
}

/* Without the private WireGuard key of a device, the token is not enough for its claim. */
static void test_possession_of_the_wireguard_key(void **state)
{
        _cleanup_(party_done) Party party = { NULL }, victim = { NULL };

        party_init(&party);
        party_init(&victim);
        memcpy(party.claim.wireguard_key, victim.claim.wireguard_key, X25519_SIZE);
        party_sign(&party);
        assert_err(judge(&party), DEVBOX_ERROR_BAD_SIG);
}

static void test_signed_by_another_or_for_another_purpose(void **state)
{
        static const struct {
                WorldKey key;
                const char *type;
                int expected;
        } rows[] = {
                { KEY_DEVICE, CLAIM_TYPE, 0 },
                { KEY_STRANGER, CLAIM_TYPE, DEVBOX_ERROR_BAD_SIG },
                { KEY_DEVICE, TOKEN_TYPE, DEVBOX_ERROR_BAD_SIG },
                { KEY_DEVICE, ENVELOPE_RESULT, DEVBOX_ERROR_BAD_SIG },
        };
        _cleanup_(party_done) Party party = { NULL };

        party_init(&party);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(dsse_sign(world_key(rows[i].key), rows[i].type, BYTES(party.body, party.size),
                                    &party.signature));
                assert_err(judge(&party), rows[i].expected);
        }
}

/* Non-canonical keys, keys of small order, and text with control characters. */
static void test_invalid_claims(void **state)
{
        static const uint8_t zero[X25519_SIZE], two_of_nine[X25519_SIZE] = { [0] = 9, [31] = 0x80 };
        static const struct {
                size_t offset;
                const void *bytes;
                size_t size;
        } rows[] = {
                { offsetof(Claim, device_key), zero, 32 },
                { offsetof(Claim, wireguard_key), zero, 32 },
                { offsetof(Claim, ephemeral_key), zero, 32 },
                { offsetof(Claim, wireguard_key), two_of_nine, 32 },
                { offsetof(Claim, ephemeral_key), two_of_nine, 32 },
                { offsetof(Claim, description), "\x1b[2J", 5 },
                { offsetof(Claim, description), "\xc3\xa9", 3 },
                { offsetof(Claim, description), "a\nb", 4 },
        };
        _cleanup_(party_done) Party party = { NULL };
        uint8_t body[CLAIM_BODY_MAX];
        Claim parsed;

        party_init(&party);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Claim claim = party.claim;

                memcpy((uint8_t *) &claim + rows[i].offset, rows[i].bytes, rows[i].size);
                assert_err(claim_prove(&claim, party.wireguard, party.hub_public), DEVBOX_ERROR_BAD_SCHEMA);
                assert_err(claim_body_parse(BYTES(body, claim_body_format(&claim, body)), &parsed),
                           DEVBOX_ERROR_BAD_ENVELOPE);
        }
}

static void test_a_hub_key_of_small_order(void **state)
{
        static const uint8_t zero[X25519_SIZE];
        _cleanup_(party_done) Party party = { NULL };
        uint8_t sealed[CLAIM_SEALED_MAX];
        size_t size;

        party_init(&party);
        assert_err(claim_prove(&party.claim, party.wireguard, zero), -EBADMSG);
        assert_err(claim_seal(BYTES(party.body, party.size), &party.signature, zero, sealed, &size),
                   -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_every_flipped_bit_is_rejected),
                cmocka_unit_test(test_every_truncation_is_rejected),
                cmocka_unit_test(test_another_hub_cannot_open_it),
                cmocka_unit_test(test_possession_of_the_wireguard_key),
                cmocka_unit_test(test_signed_by_another_or_for_another_purpose),
                cmocka_unit_test(test_invalid_claims),
                cmocka_unit_test(test_a_hub_key_of_small_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
