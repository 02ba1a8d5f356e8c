/* SPDX-License-Identifier: MIT */
/* Boxes that only the holder of a key can open. */

#include "crypto/sealed-box.h"

#include "test.h"

static const uint8_t plain[] = "a claim";

static void test_there_and_back(void **state)
{
        _cleanup_(secret_freep) Secret *key = NULL, *other = NULL;
        uint8_t public_key[X25519_SIZE], other_public[X25519_SIZE];
        uint8_t box[sizeof plain + SEALED_BOX_OVERHEAD], opened[sizeof plain];

        assert_ok(x25519_generate(&key, public_key));
        assert_ok(x25519_generate(&other, other_public));
        assert_ok(sealed_box_seal(public_key, BYTES_OF(plain), box));
        assert_ok(sealed_box_open(key, BYTES_OF(box), opened));
        assert_memory_equal(opened, plain, sizeof plain);
        assert_err(sealed_box_open(other, BYTES_OF(box), opened), -EBADMSG);
}

static void test_altered_boxes(void **state)
{
        _cleanup_(secret_freep) Secret *key = NULL;
        uint8_t public_key[X25519_SIZE], box[sizeof plain + SEALED_BOX_OVERHEAD], opened[sizeof plain];

        assert_ok(x25519_generate(&key, public_key));
        assert_ok(sealed_box_seal(public_key, BYTES_OF(plain), box));
        for (size_t bit = 0; bit < sizeof box * 8; bit++) {
                box[bit / 8] ^= (uint8_t) (1u << bit % 8);
                assert_err(sealed_box_open(key, BYTES_OF(box), opened), -EBADMSG);
                box[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        for (size_t size = 0; size < sizeof box; size++)
                assert_err(sealed_box_open(key, BYTES(box, size), opened), -EBADMSG);
}

static void test_a_key_of_small_order(void **state)
{
        static const uint8_t zero[X25519_SIZE];
        uint8_t box[sizeof plain + SEALED_BOX_OVERHEAD];

        assert_err(sealed_box_seal(zero, BYTES_OF(plain), box), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_altered_boxes),
                cmocka_unit_test(test_a_key_of_small_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
