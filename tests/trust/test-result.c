/* SPDX-License-Identifier: MIT */
/* Results: they survive their text, and contradict neither themselves nor the error table. */

#include "trust/result.h"

#include "proto/error.h"

#include "world.h"

#define SHA "00000000000000000000000000000000000000000000000000000000000000aa"

#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define NEVER_RAN                                                                                           \
        {                                                                                                   \
                "\"exit\":{\"code\":0,\"signal\":0},\"stdout\":{\"b64\":\"aGVsbG8=\",\"len\":5,\"sha256\":" \
                "\"" HELLO "\",\"truncated\":false}",                                                       \
                        "\"exit\":{\"code\":-1,\"signal\":0}"                                               \
        }

static const char result_text[] =
        "{\"v\":1,\"request_id\":\"01K75A3Q000000000000000001\",\"request_sha256\":\"" SHA
        "\",\"device\":\"dev-a\","
        "\"boot_id\":\"00112233445566778899aabbccddeeff\",\"status\":\"finished\",\"exit\":{\"code\":0,"
        "\"signal\":0},"
        "\"stdout\":{\"b64\":\"aGVsbG8=\",\"len\":5,\"sha256\":\"" HELLO "\",\"truncated\":false},"
        "\"started_at\":1760000000000,\"finished_at\":1760000000100,\"seq\":41,\"size\":42,\"head\":\"" SHA
        "\"}";

static void test_round_trip(void **state)
{
        _cleanup_(result_freep) Result *result = NULL;
        _cleanup_(freep) char *text = NULL;

        assert_err(result_parse(bytes_of_string(result_text), &result, NULL), 0);
        assert_int_equal(result->out.data.size, 5);
        assert_memory_equal(result->out.data.data, "hello", 5);
        assert_int_equal(result->err.size, 0);
        assert_err(result_format(result, &text, NULL), 0);
        assert_string_equal(text, result_text);
}

static void test_contradictory_results(void **state)
{
        static const Edit rows[] = {
                { "\"finished\"", "\"denied\"" }, /* without a reason */
                { "\"exit\"", "\"reason\":\"because\",\"exit\"" },
                { "1760000000100", "1759999999999" },
                { "\"len\":5", "\"len\":4" },
                { "\"seq\":41", "\"seq\":42" },
                { "\"code\":0", "\"code\":256" },
                { "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccdd" },
                { "\"exit\":{\"code\":0,\"signal\":0},", "" },
                /* An exit code and a signal; neither; an exit without a run */
                { "\"code\":0,\"signal\":0", "\"code\":0,\"signal\":9" },
                { "\"code\":0,\"signal\":0", "\"code\":-1,\"signal\":0" },
                { "\"finished\"", "\"failed\"" },
                { "\"finished\"", "\"interrupted\"" },
                { "\"finished\"", "\"denied\",\"reason\":\"nonce_replay\"" },
                /* Output of another size or digest, or truncated though complete, or the reverse */
                { "\"len\":5", "\"len\":6" },
                { HELLO, SHA },
                { HELLO, ZEROS },
                { "\"truncated\":false", "\"truncated\":true" },
                { "\"len\":5,\"sha256\":\"" HELLO "\",\"truncated\":false",
                  "\"len\":6,\"sha256\":\"" ZEROS "\",\"truncated\":true" },
                { "\"b64\":\"aGVsbG8=\",\"len\":5,\"sha256\":\"" HELLO,
                  "\"b64\":\"\",\"len\":0,\"sha256\":\"" HELLO },
        };
        static const Edit possible[][2] = {
                { { "\"finished\"", "\"denied\",\"reason\":\"nonce_replay\"" }, NEVER_RAN },
                { { "\"finished\"", "\"failed\"" }, NEVER_RAN },
                { { "\"finished\"", "\"timeout\"" },
                  { "\"code\":0,\"signal\":0", "\"code\":-1,\"signal\":9" } },
                { { "\"code\":0,\"signal\":0", "\"code\":-1,\"signal\":9" } },
                { { "\"len\":5", "\"len\":600000" },
                  { HELLO "\",\"truncated\":false", SHA "\",\"truncated\":true" } },
                { { "\"b64\":\"aGVsbG8=\",\"len\":5,\"sha256\":\"" HELLO,
                    "\"b64\":\"\",\"len\":0,\"sha256\":\"" EMPTY } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = world_text(result_text, &rows[i], 1);
                Result *result = NULL;

                assert_err(result_parse(bytes_of_string(text), &result, NULL), DEVBOX_ERROR_BAD_SCHEMA);
        }

        for (size_t i = 0; i < ELEMENTSOF(possible); i++) {
                _cleanup_(freep) char *text = world_text(result_text, possible[i], 2);
                _cleanup_(result_freep) Result *result = NULL;

                assert_err(result_parse(bytes_of_string(text), &result, NULL), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_contradictory_results),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
