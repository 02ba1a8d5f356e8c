/* SPDX-License-Identifier: MIT */
/* What a device prints as its containers, also a hostile one. */

#include "dispatch/containers.h"

#include <string.h>

#include "basic/utf8.h"
#include "crypto/ed25519.h"
#include "trust/envelope.h"
#include "trust/result.h"

#include "test.h"

/* The envelope of a result with this output; the caller frees it. The sender's signature was verified when
 * it came, so any will do. */
static char *make_result(Bytes output, bool truncated)
{
        Result result = { .request_id = (char *) "01K75A3Q000000000000000001",
                          .device = (char *) "dev-a",
                          .boot_id = (char *) "00112233445566778899aabbccddeeff",
                          .out = { .data = { (uint8_t *) output.data, output.size },
                                   .size = (int64_t) output.size + (truncated ? 1 : 0),
                                   .truncated = truncated },
                          .started_at_ms = 1,
                          .finished_at_ms = 1,
                          .size = 1 };
        _cleanup_(key_pair_freep) KeyPair *key = NULL;
        char *payload, *envelope;

        sha256(output, &result.out.sha256);
        assert_ok(key_pair_generate(&key));
        assert_int_equal(result_format(&result, &payload, NULL), 0);
        assert_int_equal(envelope_make(ENVELOPE_RESULT, payload, "device", key, &envelope), 0);
        free(payload);
        return envelope;
}

static void test_rows(void **state)
{
        static const char output[] =
                "web      running    nginx:1.25    Up 3 hours \ndb exited pg Exited (0)\n";
        _cleanup_(freep) char *result = make_result(bytes_of_string(output), false);
        _cleanup_(containers_done) Containers containers = { .n = 0 };

        assert_int_equal(containers_read(result, SIZE_MAX, &containers), 0);
        assert_int_equal(containers.n, 2);
        assert_false(containers.truncated);
        assert_string_equal(containers.rows[0].name, "web");
        assert_string_equal(containers.rows[0].status, "Up 3 hours");
        assert_string_equal(containers.rows[1].image, "pg");
        containers_done(&containers);

        assert_int_equal(containers_read(result, 1, &containers), 0);
        assert_int_equal(containers.n, 1);
        assert_true(containers.truncated);
}

static void test_hostile_output(void **state)
{
        static char many[CONTAINERS_MAX * 2 * 2], word[RESULT_STREAM_MAX];
        const struct {
                Bytes output;
                bool truncated;
                size_t n;
                const char *first;
        } rows[] = {
                { BYTES("", 0), false, 0, NULL },
                { BYTES("\n \n\n", 4), false, 0, NULL },
                { BYTES("a\x1b[2J\xe2\x80\xae\xff\0b up", 14), false, 1, "a?[2J?????b" },
                { BYTES("web up\ncut o", 12), true, 1, "web" },
                { BYTES("cut off", 7), true, 0, NULL },
                { BYTES(many, sizeof many), false, CONTAINERS_MAX, "m" },
                { BYTES(word, sizeof word), false, 1, NULL },
        };

        for (size_t i = 0; i < sizeof many; i++)
                many[i] = i % 2 == 0 ? 'm' : '\n';
        memset(word, 'w', sizeof word);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *result = make_result(rows[i].output, rows[i].truncated);
                _cleanup_(containers_done) Containers containers = { .n = 0 };

                assert_int_equal(containers_read(result, SIZE_MAX, &containers), 0);
                assert_int_equal(containers.n, rows[i].n);
                assert_int_equal(containers.truncated, rows[i].truncated || rows[i].n == CONTAINERS_MAX);
                if (rows[i].first)
                        assert_string_equal(containers.rows[0].name, rows[i].first);
                for (size_t j = 0; j < containers.n; j++) {
                        assert_true(utf8_is_visible(containers.rows[j].name));
                        assert_true(strlen(containers.rows[j].name) < 256);
                }
        }
}

static void test_no_result(void **state)
{
        static const char *const texts[] = { "", "{}", "[]", "{\"payload\":\"\"}" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                Containers containers;

                assert_true(containers_read(texts[i], SIZE_MAX, &containers) != 0);
                assert_int_equal(containers.n, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_hostile_output),
                cmocka_unit_test(test_no_result),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
