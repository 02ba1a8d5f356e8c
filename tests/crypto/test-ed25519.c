/* SPDX-License-Identifier: MIT */
/* Keys and signatures, against the vectors of RFC 8032, section 7.1. */

#include "crypto/ed25519.h"

#include <sodium.h>

#include "test.h"

static void from_hex(const char *hex, uint8_t *bytes, size_t size)
{
        assert_int_equal(sodium_hex2bin(bytes, size, hex, strlen(hex), NULL, NULL, NULL), 0);
}

static KeyPair *pair_of(const char *hex)
{
        _cleanup_(secret_freep) Secret *seed = NULL;
        uint8_t bytes[KEY_SEED_SIZE];
        KeyPair *pair;

        from_hex(hex, bytes, sizeof bytes);
        assert_ok(secret_new(bytes, sizeof bytes, &seed));
        assert_ok(key_pair_from_seed(seed, &pair));
        return pair;
}

static void test_the_vectors_of_the_standard(void **state)
{
        static const struct {
                const char *seed, *public, *message, *signature;
        } rows[] = {
                { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
                  "cf9b46b"
                  "d25bf5f0595bbe24655141438e7a100b" },
                { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "r",
                  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
                  "0f11d8c"
                  "387b2eaeb4302aeeb00d291612bb0c00" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(key_pair_freep) KeyPair *pair = pair_of(rows[i].seed);
                uint8_t public[PUBLIC_KEY_SIZE], expected[SIGNATURE_SIZE];
                Signature signature;

                from_hex(rows[i].public, public, sizeof public);
                from_hex(rows[i].signature, expected, sizeof expected);
                ed25519_sign(pair, bytes_of_string(rows[i].message), &signature);
                assert_memory_equal(key_pair_public(pair)->bytes, public, sizeof public);
                assert_memory_equal(signature.bytes, expected, sizeof expected);
                assert_true(
                        ed25519_verify(key_pair_public(pair), bytes_of_string(rows[i].message), &signature));
                assert_false(ed25519_verify(key_pair_public(pair), bytes_of_string("x"), &signature));
        }
}

static void test_keys_that_are_none(void **state)
{
        static const char *const refused[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000000",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        };
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        PublicKey key;

        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                from_hex(refused[i], key.bytes, sizeof key.bytes);
                assert_false(public_key_is_valid(&key));
        }

        assert_ok(key_pair_generate(&pair));
        assert_true(public_key_is_valid(key_pair_public(pair)));
}

static void test_a_seed_has_one_size(void **state)
{
        _cleanup_(secret_freep) Secret *seed = NULL;
        KeyPair *pair = NULL;

        assert_ok(secret_new_random(KEY_SEED_SIZE - 1, &seed));
        assert_err(key_pair_from_seed(seed, &pair), -EINVAL);
        assert_null(pair);
}

static void test_the_seed_makes_the_same_pair_again(void **state)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL, *again = NULL;

        assert_ok(key_pair_generate(&pair));
        assert_ok(key_pair_from_seed(key_pair_seed(pair), &again));
        assert_true(public_key_equal(key_pair_public(pair), key_pair_public(again)));
}

static void test_a_key_has_an_id_per_role(void **state)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        Sha256 root, token;

        assert_ok(key_pair_generate(&pair));
        public_key_id(key_pair_public(pair), "root", &root);
        public_key_id(key_pair_public(pair), "token", &token);
        assert_false(sha256_equal(&root, &token));
        assert_false(sha256_is_null(&root));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_vectors_of_the_standard),
                cmocka_unit_test(test_keys_that_are_none),
                cmocka_unit_test(test_a_seed_has_one_size),
                cmocka_unit_test(test_the_seed_makes_the_same_pair_again),
                cmocka_unit_test(test_a_key_has_an_id_per_role),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
