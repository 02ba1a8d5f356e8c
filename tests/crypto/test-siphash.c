/* SPDX-License-Identifier: MIT */
/* SipHash-2-4: the vectors of its authors. */

#include "crypto/siphash.h"

#include "test.h"

static void test_vectors(void **state)
{
        uint8_t data[15];
        SipKey key;

        for (uint8_t i = 0; i < sizeof key.bytes; i++)
                key.bytes[i] = i;
        for (uint8_t i = 0; i < sizeof data; i++)
                data[i] = i;

        assert_true(siphash(&key, BYTES_OF(data)) == UINT64_C(0xa129ca6149be45e5));
        assert_true(siphash(&key, BYTES_NULL) == UINT64_C(0x726fdb47dd0e0e31));
}

static void test_secrets_differ(void **state)
{
        SipKey one = { 0 }, other = { 0 };

        sip_key_make(&one);
        sip_key_make(&other);
        assert_memory_not_equal(one.bytes, other.bytes, sizeof one.bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_secrets_differ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
