/* SPDX-License-Identifier: MIT */
/* What device and hub derive: the same on both sides, and another for every input that differs. The values
 * themselves are pinned by vectors/enrolment.json. */

#include "trust/enrolment.h"

#include "world.h"

static const uint8_t token_id[TOKEN_ID_SIZE] = { 1 }, token_secret[TOKEN_SECRET_SIZE] = { 2 };
static const Sha256 claim_sha256 = { { 3 } };

static void test_bootstrap_depends_on_the_whole_token(void **state)
{
        _cleanup_(bootstrap_done) Bootstrap first = BOOTSTRAP_NULL;
        uint8_t id[TOKEN_ID_SIZE] = { 1 }, secret[TOKEN_SECRET_SIZE] = { 2 };

        assert_ok(bootstrap_derive(token_id, token_secret, &first));
        assert_false(bytes_equal(secret_bytes(first.private_key), secret_bytes(first.preshared_key)));
        for (size_t i = 0; i <= sizeof id + sizeof secret; i++) {
                _cleanup_(bootstrap_done) Bootstrap other = BOOTSTRAP_NULL;
                uint8_t *flip = i < sizeof id ? &id[i] : &secret[(i - sizeof id) % sizeof secret];
                bool same = i == sizeof id + sizeof secret;

                *flip ^= same ? 0 : 0x80;
                assert_ok(bootstrap_derive(id, secret, &other));
                assert_int_equal(
                        bytes_equal(secret_bytes(first.private_key), secret_bytes(other.private_key)), same);
                assert_int_equal(
                        bytes_equal(secret_bytes(first.preshared_key), secret_bytes(other.preshared_key)),
                        same);
                assert_int_equal(memcmp(first.public_key, other.public_key, X25519_SIZE) == 0, same);
                *flip ^= same ? 0 : 0x80;
        }
}

static void test_bootstrap_addresses_are_in_their_network(void **state)
{
        uint8_t id[TOKEN_ID_SIZE] = { 0 }, address[4];
        bool seen[64] = { false };

        for (unsigned i = 0; i < 2000; i++) {
                put_be32(id, i);
                bootstrap_address(id, address);
                assert_int_equal(address[0], 169);
                assert_int_equal(address[1], 254);
                assert_in_range(address[2], 64, 127);
                seen[address[2] - 64] = true;
        }
        for (size_t i = 0; i < ELEMENTSOF(seen); i++)
                assert_true(seen[i]);
}

static void test_digits_depend_on_claim_and_nonce(void **state)
{
        uint8_t nonce[ENROLMENT_NONCE_SIZE] = { 0 };
        char digits[ENROLMENT_DIGITS_SIZE], other[ENROLMENT_DIGITS_SIZE];
        Sha256 claim = claim_sha256;

        enrolment_digits(&claim, nonce, digits);
        assert_int_equal(strspn(digits, "0123456789"), 3);
        assert_int_equal(digits[3], ' ');
        assert_int_equal(strspn(digits + 4, "0123456789"), 3);
        for (size_t bit = 0; bit < (sizeof nonce + sizeof claim.bytes) * 8; bit++) {
                uint8_t *byte =
                        bit / 8 < sizeof nonce ? &nonce[bit / 8] : &claim.bytes[bit / 8 - sizeof nonce];

                *byte ^= (uint8_t) (1u << bit % 8);
                enrolment_digits(&claim, nonce, other);
                assert_string_not_equal(digits, other);
                *byte ^= (uint8_t) (1u << bit % 8);
        }
}

/* A claimant who could choose among a million claims before the nonce is known gains nothing: for another
 * nonce, the claim that fitted does not. */
static void test_search_before_the_nonce(void **state)
{
        uint8_t guessed[ENROLMENT_NONCE_SIZE] = { 1 }, drawn[ENROLMENT_NONCE_SIZE] = { 2 };
        char wanted[ENROLMENT_DIGITS_SIZE], digits[ENROLMENT_DIGITS_SIZE];
        unsigned n_found = 0, n_useful = 0;
        Sha256 claim = { { 0 } };

        for (uint32_t i = 0; i < 200000; i++) {
                put_be32(claim.bytes, i);
                enrolment_digits(&claim_sha256, guessed, wanted);
                enrolment_digits(&claim, guessed, digits);
                if (strncmp(wanted, digits, 3) != 0) /* a thousand times easier than all six */
                        continue;

                n_found++;
                enrolment_digits(&claim_sha256, drawn, wanted);
                enrolment_digits(&claim, drawn, digits);
                n_useful += streq(wanted, digits);
        }
        assert_true(n_found > 100);
        assert_int_equal(n_useful, 0);
}

/* ---- the preshared key */

typedef struct Sides {
        Secret *device, *hub;
        uint8_t device_public[X25519_SIZE], hub_public[X25519_SIZE];
} Sides;

static void sides_done(Sides *sides)
{
        secret_free(sides->device);
        secret_free(sides->hub);
}

static void sides_init(Sides *sides)
{
        assert_ok(x25519_generate(&sides->device, sides->device_public));
        assert_ok(x25519_generate(&sides->hub, sides->hub_public));
}

static PresharedKeyInput device_side(const Sides *sides)
{
        return (PresharedKeyInput){ sides->device, sides->hub_public, sides->hub_public, token_secret,
                                    &claim_sha256 };
}

static void test_both_sides_derive_the_same_preshared_key(void **state)
{
        _cleanup_(sides_done) Sides sides = { NULL };
        _cleanup_(secret_freep) Secret *device = NULL, *hub = NULL;

        sides_init(&sides);
        PresharedKeyInput input = device_side(&sides);
        assert_ok(enrolment_preshared_key(&input, &device));
        input.ephemeral = sides.hub;
        input.other_ephemeral = sides.device_public;
        assert_ok(enrolment_preshared_key(&input, &hub));
        assert_true(bytes_equal(secret_bytes(device), secret_bytes(hub)));
        assert_int_equal(secret_bytes(hub).size, 32);
}

static void test_the_preshared_key_depends_on_everything(void **state)
{
        _cleanup_(sides_done) Sides sides = { NULL }, others = { NULL };
        _cleanup_(secret_freep) Secret *key = NULL;
        static const uint8_t other_secret[TOKEN_SECRET_SIZE] = { 9 };
        static const Sha256 other_claim = { { 9 } };

        sides_init(&sides);
        sides_init(&others);
        PresharedKeyInput usual = device_side(&sides), rows[] = { usual, usual, usual, usual, usual };
        rows[0].ephemeral = others.device;
        rows[1].other_ephemeral = others.hub_public;
        rows[2].hub_ephemeral = others.hub_public;
        rows[3].token_secret = other_secret;
        rows[4].claim_sha256 = &other_claim;

        assert_ok(enrolment_preshared_key(&usual, &key));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(secret_freep) Secret *other = NULL;

                assert_ok(enrolment_preshared_key(&rows[i], &other));
                assert_false(bytes_equal(secret_bytes(key), secret_bytes(other)));
        }
}

static void test_keys_of_small_order(void **state)
{
        static const uint8_t zero[X25519_SIZE];
        _cleanup_(sides_done) Sides sides = { NULL };
        Secret *key = NULL;

        sides_init(&sides);
        PresharedKeyInput input = device_side(&sides);
        input.other_ephemeral = zero;
        assert_err(enrolment_preshared_key(&input, &key), -EBADMSG);
        assert_err(enrolment_agree(sides.device, zero, "answer", BYTES_OF(token_id), &key), -EBADMSG);
        assert_null(key);
}

static void test_labels_separate(void **state)
{
        _cleanup_(sides_done) Sides sides = { NULL };
        _cleanup_(secret_freep) Secret *one = NULL, *two = NULL;

        sides_init(&sides);
        assert_ok(enrolment_agree(sides.device, sides.hub_public, "answer", BYTES_OF(token_id), &one));
        assert_ok(enrolment_agree(sides.device, sides.hub_public, "possession", BYTES_OF(token_id), &two));
        assert_false(bytes_equal(secret_bytes(one), secret_bytes(two)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bootstrap_depends_on_the_whole_token),
                cmocka_unit_test(test_bootstrap_addresses_are_in_their_network),
                cmocka_unit_test(test_digits_depend_on_claim_and_nonce),
                cmocka_unit_test(test_search_before_the_nonce),
                cmocka_unit_test(test_both_sides_derive_the_same_preshared_key),
                cmocka_unit_test(test_the_preshared_key_depends_on_everything),
                cmocka_unit_test(test_keys_of_small_order),
                cmocka_unit_test(test_labels_separate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
