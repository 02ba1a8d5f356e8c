/* SPDX-License-Identifier: MIT */
/* A key as six words. */

#include "crypto/fingerprint.h"

#include "test.h"

/* By another reading of the format: hashlib and a few lines of Python. */
static void test_known(void **state)
{
        static const struct {
                uint8_t first;
                const char *words;
        } rows[] = { { 0, "pujis-bufit-horuv-rakir-babit-fudif" },
                     { 1, "tahav-bijud-zurup-dugap-habif-kitam" },
                     { 255, "fotuv-jifur-sijaf-pavon-notop-fomiv" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                PublicKey key = { { rows[i].first } };
                char words[FINGERPRINT_SIZE];

                fingerprint_format(&key, words);
                assert_string_equal(words, rows[i].words);
        }
}

/* The words of a root are not those of a key with the same bytes. */
static void test_root(void **state)
{
        char words[FINGERPRINT_SIZE];

        fingerprint_format_root(&(Sha256){ { 0 } }, words);
        assert_string_equal(words, "ganal-dofoj-ramim-sarig-tunad-basop");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_known), cmocka_unit_test(test_root) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
