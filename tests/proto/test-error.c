/* SPDX-License-Identifier: MIT */
/* Every reason that a person can act on, in one table. */

#include "proto/error.h"

#include <ctype.h>

#include "test.h"

static void test_every_error_has_a_whole_row(void **state)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++) {
                DevboxError error = (DevboxError) i;

                assert_non_null(devbox_error_code(error));
                assert_non_null(devbox_error_sentence(error));
                assert_true(startswith(devbox_error_bus_name(error), "org.devbox.Error."));
                assert_in_range(devbox_error_http_status(error), 400, 599);
                assert_true(devbox_error_errno(error) < 0);
        }
}

static void test_codes_and_names_are_unique(void **state)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++)
                for (int k = 1; k < i; k++) {
                        assert_string_not_equal(devbox_error_code((DevboxError) i),
                                                devbox_error_code((DevboxError) k));
                        assert_string_not_equal(devbox_error_bus_name((DevboxError) i),
                                                devbox_error_bus_name((DevboxError) k));
                }
}

/* The code in JSON and the name on the bus are the same words: token_required, TokenRequired. */
static void test_code_and_name_say_the_same(void **state)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++) {
                const char *code = devbox_error_code((DevboxError) i);
                const char *name = devbox_error_bus_name((DevboxError) i) + strlen("org.devbox.Error.");
                bool word_begins = true;

                for (; *code; code++) {
                        assert_true(islower(*code) || *code == '_');
                        if (*code == '_') {
                                word_begins = true;
                                continue;
                        }
                        assert_int_equal(*name, word_begins ? toupper(*code) : *code);
                        word_begins = false;
                        name++;
                }
                assert_string_equal(name, "");
        }
}

static void test_sentences_are_for_people(void **state)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++) {
                const char *sentence = devbox_error_sentence((DevboxError) i);

                assert_true(strlen(sentence) > 10);
                assert_false(endswith(sentence, ".") || endswith(sentence, " "));
                assert_null(strpbrk(sentence, "\"\\\n")); /* safe to put into JSON and logs as it is */
        }
}

/* Of what a person can only look into: where to look. */
static void test_sentences_name_the_cure(void **state)
{
        static const struct {
                DevboxError error;
                const char *cure;
        } rows[] = {
                { DEVBOX_ERROR_MESH_UNREACHABLE, "see: devboxctl peers; on the device: devboxctl doctor" },
                { DEVBOX_ERROR_TOKEN_EXPIRED, "devboxctl invite NAME" },
                { DEVBOX_ERROR_MANIFEST_EXPIRED, "devboxctl manifest sign" },
                { DEVBOX_ERROR_REQUEST_UNKNOWN, "at least the last 6 characters" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_non_null(strstr(devbox_error_sentence(rows[i].error), rows[i].cure));
}

static void test_names_map_back(void **state)
{
        static const char *const unknown[] = {
                "",
                "org.devbox.Error.",
                "org.devbox.Error.Nonsense",
                "org.freedesktop.DBus.Error.Failed",
                "org.devbox.Error.BadRequest2",
        };
        DevboxError error = DEVBOX_ERROR_BUSY;

        for (size_t i = 0; i < ELEMENTSOF(unknown); i++) {
                assert_err(devbox_error_from_bus_name(unknown[i], &error), -ENOENT);
                assert_int_equal(error, DEVBOX_ERROR_BUSY);
        }

        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++) {
                assert_ok(devbox_error_from_bus_name(devbox_error_bus_name((DevboxError) i), &error));
                assert_int_equal(error, i);
        }
}

static void test_what_is_no_error_counts_as_internal(void **state)
{
        static const int rows[] = { 0, -1, -EINVAL, _DEVBOX_ERROR_MAX, 10000 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_string_equal(devbox_error_code((DevboxError) rows[i]), "internal_error");
                assert_int_equal(devbox_error_http_status((DevboxError) rows[i]), 500);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_error_has_a_whole_row),
                cmocka_unit_test(test_codes_and_names_are_unique),
                cmocka_unit_test(test_code_and_name_say_the_same),
                cmocka_unit_test(test_sentences_are_for_people),
                cmocka_unit_test(test_sentences_name_the_cure),
                cmocka_unit_test(test_names_map_back),
                cmocka_unit_test(test_what_is_no_error_counts_as_internal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
