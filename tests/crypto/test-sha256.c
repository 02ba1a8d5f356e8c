/* SPDX-License-Identifier: MIT */
/* SHA-256: the examples of FIPS 180-4, however their data is cut. */

#include "crypto/sha256.h"

#include "test.h"

static const struct {
        const char *data;
        uint8_t digest[SHA256_SIZE];
} rows[] = {
        { "", { 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55 } },
        { "abc", { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                   0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                   0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad } },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", { 0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06,
                                                                        0x38, 0xb8, 0xe5, 0xc0, 0x26, 0x93,
                                                                        0x0c, 0x3e, 0x60, 0x39, 0xa3, 0x3c,
                                                                        0xe4, 0x59, 0x64, 0xff, 0x21, 0x67,
                                                                        0xf6, 0xec, 0xed, 0xd4, 0x19, 0xdb,
                                                                        0x06, 0xc1 } },
};

static void assert_digest(const Sha256 *digest, size_t row)
{
        assert_memory_equal(digest->bytes, rows[row].digest, SHA256_SIZE);
}

static void test_vectors(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Sha256 digest;

                sha256(bytes_of_string(rows[i].data), &digest);
                assert_digest(&digest, i);
        }
}

static void test_any_cut(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t at = 0, size = strlen(rows[i].data); at <= size; at++) {
                        const Bytes parts[] = { BYTES(rows[i].data, at),
                                                BYTES(rows[i].data + at, size - at) };
                        Sha256State digested;
                        Sha256 digest;

                        sha256_of_parts(parts, ELEMENTSOF(parts), &digest);
                        assert_digest(&digest, i);

                        sha256_init(&digested);
                        sha256_update(&digested, parts[0]);
                        sha256_update(&digested, parts[1]);
                        sha256_final(&digested, &digest);
                        assert_digest(&digest, i);
                }
}

/* A digest of what was seen so far changes nothing, and a copy goes its own way. */
static void test_state_is_a_value(void **state)
{
        Sha256State digested, copy;
        Sha256 digest;

        sha256_init(&digested);
        sha256_final(&digested, &digest);
        assert_digest(&digest, 0);
        sha256_update(&digested, bytes_of_string("abc"));
        copy = digested;
        sha256_update(&copy, bytes_of_string("more"));
        sha256_final(&digested, &digest);
        assert_digest(&digest, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_any_cut),
                cmocka_unit_test(test_state_is_a_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
