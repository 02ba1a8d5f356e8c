/* SPDX-License-Identifier: MIT */
/* Key files: sealed ones, and bare seeds from a password manager. */

#include "trust/key-file.h"

#include "world.h"

#define CHEAP ((SealCost){ .passes = 1, .memory_kib = 8 })

static Secret *secret_of(const char *text)
{
        Secret *secret;

        assert_ok(secret_new(text, strlen(text), &secret));
        return secret;
}

static void test_seal_and_unseal(void **state)
{
        _cleanup_(secret_freep) Secret *right = secret_of("correct horse"), *wrong = secret_of("battery");
        _cleanup_(key_pair_freep) KeyPair *pair = NULL, *none = NULL;
        _cleanup_(key_file_freep) KeyFile *file = NULL;
        _cleanup_(freep) char *text = NULL, *failed = NULL;
        KeyFile like = { .role = (char *) "manifest", .label = (char *) "ana-2026" };

        assert_ok(key_file_seal(&like, world_key(KEY_MANIFEST), right, CHEAP, &text));
        assert_err(key_file_parse(bytes_of_string(text), &file, NULL), 0);
        assert_string_equal(file->label, "ana-2026");
        assert_ok(key_file_unseal(file, right, &pair));
        assert_true(public_key_equal(key_pair_public(pair), key_pair_public(world_key(KEY_MANIFEST))));
        assert_err(key_file_unseal(file, wrong, &none), -EACCES);

        /* A file that shows one key and holds another. */
        file->public = *key_pair_public(world_key(KEY_STRANGER));
        assert_err(key_file_unseal(file, right, &none), -EBADMSG);

        like.label = (char *) "Not A Label";
        assert_err(key_file_seal(&like, world_key(KEY_MANIFEST), right, CHEAP, &failed), -EINVAL);
}

static void test_bare_seeds(void **state)
{
        static const struct {
                const char *text;
                int expected;
        } rows[] = {
                { "1010101010101010101010101010101010101010101010101010101010101010", 0 },
                { "  1010101010101010101010101010101010101010101010101010101010101010\n", 0 },
                { "EBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA=\n", 0 },
                { "", -EINVAL },
                { "10", -EINVAL },
                { "101010101010101010101010101010101010101010101010101010101010101g", -EINVAL },
                { "EBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(secret_freep) Secret *text = secret_of(rows[i].text);
                _cleanup_(key_pair_freep) KeyPair *pair = NULL;

                assert_err(key_seed_parse(text, &pair), rows[i].expected);
                if (rows[i].expected == 0)
                        assert_true(public_key_equal(key_pair_public(pair),
                                                     key_pair_public(world_key(KEY_ROOT_A))));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_seal_and_unseal),
                cmocka_unit_test(test_bare_seeds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
