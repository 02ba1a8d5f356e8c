/* SPDX-License-Identifier: MIT */
/* Signatures inside JSON: the vectors of the specification, and signatures that must not count. */

#include "e2ee/signing.h"

#include "codec/binary-text.h"
#include "e2ee/message-check.h"

#include "test.h"

/* Matrix specification, appendices, "Cryptographic Test Vectors". */
#define SEED       "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0" /* its last digit there has stray bits: 1 */
#define PUBLIC_KEY "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI"
#define SIGNATURE_EMPTY                                                                                     \
        "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
#define SIGNATURE_DATA                                                                                      \
        "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"

static cJSON *parse(const char *text)
{
        cJSON *tree = NULL;

        assert_ok(matrix_json_parse(bytes_of_string(text), 1 << 16, &tree));
        return tree;
}

static KeyPair *pair_of_specification(void)
{
        _cleanup_(secret_freep) Secret *seed = NULL;
        uint8_t bytes[KEY_SEED_SIZE];
        KeyPair *pair = NULL;

        assert_ok(base64_decode_exact(SEED, bytes, sizeof bytes));
        assert_ok(secret_new(bytes, sizeof bytes, &seed));
        assert_ok(key_pair_from_seed(seed, &pair));
        return pair;
}

static void test_vectors(void **state)
{
        static const struct {
                const char *text, *signature;
        } rows[] = {
                { "{}", SIGNATURE_EMPTY },
                { "{\"two\":\"Two\",\"one\":1,\"unsigned\":{\"age\":3}}", SIGNATURE_DATA },
        };
        _cleanup_(key_pair_freep) KeyPair *pair = pair_of_specification();

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *tree = parse(rows[i].text);

                assert_ok(json_sign_by_pair(tree, "domain", pair));
                assert_string_equal(object_string(object_object(object_object(tree, "signatures"), "domain"),
                                                  "ed25519:" PUBLIC_KEY),
                                    rows[i].signature);
                assert_ok(json_verify(tree, "domain", NULL, PUBLIC_KEY));
        }
}

static void test_the_account_signs_and_others_stay(void **state)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(key_pair_freep) KeyPair *pair = pair_of_specification();
        char curve25519[CURVE25519_TEXT_SIZE], ed25519[ED25519_TEXT_SIZE];
        _cleanup_(json_freep) cJSON *tree = parse("{\"a\":1}");

        assert_ok(ratchet_account_new(&account));
        assert_ok(ratchet_account_identity(account, curve25519, ed25519));
        assert_ok(json_sign_by_account(tree, "@a:b", "DEVICE", account));
        assert_ok(json_sign_by_pair(tree, "@a:b", pair));
        assert_ok(json_verify(tree, "@a:b", "DEVICE", ed25519));
        assert_ok(json_verify(tree, "@a:b", NULL, PUBLIC_KEY));
        assert_err(json_verify(tree, "@a:b", "DEVICE", PUBLIC_KEY), -EBADMSG);
        assert_err(json_verify(tree, "@a:b", "OTHER", ed25519), -ENOKEY);
        assert_err(json_verify(tree, "@b:b", "DEVICE", ed25519), -ENOKEY);
}

/* S of the second vector plus the order of the group: the same signature for a verifier that does not look.
 */
static void test_a_malleated_signature_is_refused(void **state)
{
        static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
        uint8_t signature[SIGNATURE_SIZE];
        char text[BASE64_SIZE(SIGNATURE_SIZE)];
        _cleanup_(json_freep) cJSON *tree = NULL;
        unsigned carry = 0;

        assert_ok(base64_decode_exact(SIGNATURE_EMPTY, signature, sizeof signature));
        for (int i = 0; i < 32; i++) {
                carry += (unsigned) signature[32 + i] + order[i];
                signature[32 + i] = (uint8_t) carry;
                carry >>= 8;
        }
        base64_unpadded_format(BYTES_OF(signature), text);

        assert_ok(json_pack(&tree, "{signatures:{domain:{*:s}}}", "ed25519:" PUBLIC_KEY, text));
        assert_err(json_verify(tree, "domain", NULL, PUBLIC_KEY), -EBADMSG);
}

static void test_bad_signatures(void **state)
{
        static const char *const signatures[] = {
                "",
                "AAAA",
                SIGNATURE_EMPTY "=",
                SIGNATURE_EMPTY "==",
                SIGNATURE_DATA,
                " " SIGNATURE_EMPTY,
                "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAR",
        };

        for (size_t i = 0; i < ELEMENTSOF(signatures); i++) {
                _cleanup_(json_freep) cJSON *tree = NULL;

                assert_ok(json_pack(&tree, "{signatures:{domain:{*:s}}}", "ed25519:" PUBLIC_KEY,
                                    signatures[i]));
                assert_err(json_verify(tree, "domain", NULL, PUBLIC_KEY), -EBADMSG);
        }
}

/* With the neutral element as key, R the same and S = 0 every message would verify. */
static void test_keys_of_small_order_are_refused(void **state)
{
        static const char key[] = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        _cleanup_(json_freep) cJSON *tree = NULL;
        uint8_t signature[SIGNATURE_SIZE] = { 1 };
        char text[BASE64_SIZE(SIGNATURE_SIZE)];

        base64_unpadded_format(BYTES_OF(signature), text);
        assert_ok(json_pack(&tree, "{signatures:{domain:{*:s}}}", "ed25519:K", text));
        assert_err(json_verify(tree, "domain", "K", key), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_the_account_signs_and_others_stay),
                cmocka_unit_test(test_a_malleated_signature_is_refused),
                cmocka_unit_test(test_bad_signatures),
                cmocka_unit_test(test_keys_of_small_order_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
