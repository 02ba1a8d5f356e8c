/* SPDX-License-Identifier: MIT */
/* Bytes under a key: only the same key and the same bytes open. */

#include "crypto/secretbox.h"

#include "test.h"

static void test_round_trip_and_every_flipped_byte(void **state)
{
        _cleanup_(secret_freep) Secret *key = NULL, *other = NULL, *plain = NULL;
        uint8_t box[5 + SECRETBOX_OVERHEAD], again[sizeof box];

        assert_ok(secret_new_random(SECRETBOX_KEY_SIZE, &key));
        assert_ok(secret_new_random(SECRETBOX_KEY_SIZE, &other));
        assert_ok(secretbox_seal(key, bytes_of_string("hello"), box));
        assert_ok(secretbox_seal(key, bytes_of_string("hello"), again));
        assert_memory_not_equal(box, again, sizeof box); /* the nonce is random */

        assert_ok(secretbox_open(key, BYTES_OF(box), &plain));
        assert_true(secret_equals(plain, "hello"));
        plain = secret_free(plain);

        assert_err(secretbox_open(other, BYTES_OF(box), &plain), -EBADMSG);
        for (size_t i = 0; i < sizeof box; i++) {
                box[i] ^= 1;
                assert_err(secretbox_open(key, BYTES_OF(box), &plain), -EBADMSG);
                box[i] ^= 1;
        }
        for (size_t size = 0; size < sizeof box; size++)
                assert_err(secretbox_open(key, BYTES(box, size), &plain), -EBADMSG);
}

static void test_keys_of_another_size_are_refused(void **state)
{
        _cleanup_(secret_freep) Secret *key = NULL, *plain = NULL;
        uint8_t box[1 + SECRETBOX_OVERHEAD] = { 0 };

        assert_ok(secret_new_random(16, &key));
        assert_err(secretbox_seal(key, bytes_of_string("x"), box), -EINVAL);
        assert_err(secretbox_open(key, BYTES_OF(box), &plain), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip_and_every_flipped_byte),
                cmocka_unit_test(test_keys_of_another_size_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
