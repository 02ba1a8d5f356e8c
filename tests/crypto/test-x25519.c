/* SPDX-License-Identifier: MIT */
/* Key agreement and derivation, by the vectors of RFC 7748, RFC 4231 and RFC 5869. */

#include "crypto/x25519.h"

#include "codec/binary-text.h"

#include "test.h"

/* RFC 7748, section 6.1. */
static void test_agreement(void **state)
{
        _cleanup_(secret_freep) Secret *alice = NULL, *shared = NULL;
        uint8_t seed[X25519_SIZE], bob[X25519_SIZE], wanted[X25519_SIZE];

        assert_ok(hex_parse("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", seed, 32));
        assert_ok(hex_parse("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", bob, 32));
        assert_ok(hex_parse("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", wanted, 32));

        assert_ok(secret_new(seed, sizeof seed, &alice));
        assert_ok(x25519_agree(alice, bob, &shared));
        assert_memory_equal(secret_bytes(shared).data, wanted, sizeof wanted);
}

static void test_both_sides_agree(void **state)
{
        _cleanup_(secret_freep) Secret *a = NULL, *b = NULL, *of_a = NULL, *of_b = NULL;
        uint8_t public_a[X25519_SIZE], public_b[X25519_SIZE];

        assert_ok(x25519_generate(&a, public_a));
        assert_ok(x25519_generate(&b, public_b));
        assert_ok(x25519_agree(a, public_b, &of_a));
        assert_ok(x25519_agree(b, public_a, &of_b));
        assert_true(bytes_equal(secret_bytes(of_a), secret_bytes(of_b)));
        assert_true(x25519_key_is_valid(public_a));
}

/* All points whose order divides 8, in their canonical encoding, and two that are not reduced. */
static void test_keys_of_small_order_are_refused(void **state)
{
        static const char *const small[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000000",
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        };
        _cleanup_(secret_freep) Secret *secret = NULL, *shared = NULL;
        uint8_t key[X25519_SIZE];

        assert_ok(x25519_generate(&secret, key));
        for (size_t i = 0; i < ELEMENTSOF(small); i++) {
                assert_ok(hex_parse(small[i], key, sizeof key));
                assert_false(x25519_key_is_valid(key));
                assert_err(x25519_agree(secret, key, &shared), -EBADMSG);
        }
}

/* RFC 4231, test case 1; RFC 5869, test case 3. */
static void test_derivation(void **state)
{
        uint8_t key[22], wanted[42], output[42];
        Sha256 mac, wanted_mac;

        memset(key, 0x0b, sizeof key);
        assert_ok(hex_parse("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                            wanted_mac.bytes, sizeof wanted_mac));
        hmac_sha256(BYTES(key, 20), bytes_of_string("Hi There"), &mac);
        assert_true(sha256_equal(&mac, &wanted_mac));

        assert_ok(hex_parse("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                            "9d201395faa4b61a96c8",
                            wanted, sizeof wanted));
        hkdf_sha256(BYTES_OF(key), BYTES_NULL, output, sizeof output);
        assert_memory_equal(output, wanted, sizeof wanted);
}

static void test_one_encoding_of_a_key(void **state)
{
        static const struct {
                const char *key;
                bool canonical;
        } rows[] = {
                { "0000000000000000000000000000000000000000000000000000000000000000", true },
                { "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true },
                { "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false },
                { "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false },
                { "fffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true },
                { "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe7f", true },
                { "0900000000000000000000000000000000000000000000000000000000000080", false },
        };
        uint8_t key[X25519_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_ok(hex_parse(rows[i].key, key, sizeof key));
                assert_int_equal(x25519_key_is_canonical(key), rows[i].canonical);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_agreement),
                cmocka_unit_test(test_both_sides_agree),
                cmocka_unit_test(test_keys_of_small_order_are_refused),
                cmocka_unit_test(test_one_encoding_of_a_key),
                cmocka_unit_test(test_derivation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
