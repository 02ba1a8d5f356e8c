/* SPDX-License-Identifier: MIT */
/* Sealing with a passphrase: opens with that one, and nothing else opens. */

#include "crypto/seal.h"

#include "test.h"

/* The cheapest there is: these tests are about the format. */
#define CHEAP ((SealCost){ .passes = 1, .memory_kib = 8 })

static Secret *secret_of(const char *text)
{
        Secret *secret;

        assert_ok(secret_new(text, strlen(text), &secret));
        return secret;
}

static void test_opens_with_its_passphrase_only(void **state)
{
        _cleanup_(secret_freep) Secret *key = secret_of("the key"), *right = secret_of("correct horse");
        _cleanup_(secret_freep) Secret *wrong = secret_of("correct hors"), *empty = secret_of(""),
                                       *opened = NULL, *none = NULL;
        _cleanup_(freep) uint8_t *sealed = NULL;
        size_t size;

        assert_ok(seal(key, right, CHEAP, &sealed, &size));
        assert_int_equal(size, strlen("the key") + SEAL_OVERHEAD);
        assert_ok(unseal(BYTES(sealed, size), right, &opened));
        assert_true(secret_equals(opened, "the key"));
        assert_err(unseal(BYTES(sealed, size), wrong, &none), -EACCES);
        assert_err(unseal(BYTES(sealed, size), empty, &none), -EACCES);
        assert_null(none);
}

static void test_no_altered_byte_opens(void **state)
{
        _cleanup_(secret_freep) Secret *key = secret_of("k"), *phrase = secret_of("p");
        _cleanup_(freep) uint8_t *sealed = NULL;
        Secret *none = NULL;
        size_t size;

        assert_ok(seal(key, phrase, CHEAP, &sealed, &size));
        for (size_t i = 0; i < size; i++) {
                sealed[i] ^= i >= 8 && i < 16
                                     ? 4
                                     : 1; /* in the cost: a neighbour that is still cheap, or out of range */
                if (unseal(BYTES(sealed, size), phrase, &none) == 0)
                        fail_msg("byte %zu may be altered", i);
                sealed[i] ^= i >= 8 && i < 16 ? 4 : 1;
        }

        assert_err(unseal(BYTES(sealed, size - 1), phrase, &none), -EACCES);
        assert_err(unseal(BYTES(sealed, SEAL_OVERHEAD - 1), phrase, &none), -EBADMSG);
        assert_err(unseal(BYTES_NULL, phrase, &none), -EBADMSG);
}

/* A file cannot ask for all memory, or for so little that guessing is cheap to set up by mistake. */
static void test_the_cost_is_bounded(void **state)
{
        static const SealCost refused[] = {
                { 0, 64 }, { 17, 64 }, { 1, 7 }, { 1, 1024 * 1024 + 1 }, { UINT32_MAX, UINT32_MAX }
        };
        _cleanup_(secret_freep) Secret *key = secret_of("k"), *phrase = secret_of("p");
        _cleanup_(freep) uint8_t *sealed = NULL, *none = NULL;
        Secret *opened = NULL;
        size_t size;

        assert_ok(seal(key, phrase, CHEAP, &sealed, &size));
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                assert_err(seal(key, phrase, refused[i], &none, &size), -EINVAL);
                put_be32(put_be32(sealed + 8, refused[i].passes), refused[i].memory_kib);
                assert_err(unseal(BYTES(sealed, 1 + SEAL_OVERHEAD), phrase, &opened), -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_opens_with_its_passphrase_only),
                cmocka_unit_test(test_no_altered_byte_opens),
                cmocka_unit_test(test_the_cost_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
