/* SPDX-License-Identifier: MIT */
/* What a command prints: what is kept of it, and what is in the file. */

#include "matrix/run-output.h"

#include "e2ee/attachment.h"
#include "e2ee/json.h"
#include "matrix/answer.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define FRAME  ((size_t) 65521)
#define MEMORY ((size_t) 1024 * 1024)

static uint8_t byte_at(size_t at)
{
        return (uint8_t) (at * 31 + at / 251);
}

static void add(TestStore *store, RunOutput *output, size_t size)
{
        static uint8_t frame[FRAME];

        for (size_t at = 0, n; at < size; at += n) {
                n = MIN(size - at, FRAME);
                for (size_t i = 0; i < n; i++)
                        frame[i] = byte_at(at + i);
                assert_ok(run_output_add(output, store->database, BYTES(frame, n)));
                assert_true(output->kept.room < MEMORY);
        }
}

/* All of it is in the file, under the hash that its message has. */
static void expect_file(TestStore *store, size_t size)
{
        _cleanup_(freep) char *cipher = malloc(size + 1), *text = NULL;
        _cleanup_(freep) uint8_t *plain = NULL;
        _cleanup_(json_freep) cJSON *content = NULL;
        size_t uploaded = 0, at = 0;
        int64_t id = 0;

        assert_err(upload_next(store->database, 1, &id, &uploaded), 1);
        assert_int_equal(uploaded, size);
        while (at < size)
                at += (size_t) assert_ok((int) upload_read(store->database, id, at, cipher + at, size - at));
        assert_int_equal(
                query_text(store->database, &text, "SELECT content FROM upload WHERE id = ?", "i", id), 1);
        assert_ok(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &content));
        assert_ok(attachment_decrypt(BYTES(cipher, size), object_object(content, "file"), &plain));
        for (size_t i = 0; i < size; i++)
                assert_true(plain[i] == byte_at(i));
}

static void test_long(void **state)
{
        static const struct {
                size_t printed, size;
        } rows[] = {
                { 5 * FRAME, 5 * FRAME }, /* the last byte is written as soon as it arrives */
                { 5000000, 5000000 },
                { RUN_OUTPUT_MAX, RUN_OUTPUT_MAX },
                { RUN_OUTPUT_MAX + 100000, RUN_OUTPUT_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                RunOutput output = { .n_written = 0 };
                void *own = NULL;

                (void) test_store_up(&own);
                add(own, &output, rows[i].printed);
                assert_int_equal(run_output_size(&output), rows[i].size);
                assert_ok(run_output_end(&output));
                assert_ok(upload_writer_finish(
                        output.file,
                        &(UploadFile){ .room_id = "!r:x", .name = "a.txt", .type = "text/plain" }));
                for (size_t at = 0; at < ANSWER_PART; at++) {
                        const uint8_t *kept = (const uint8_t *) output.kept.data;

                        assert_true(kept[at] == byte_at(at));
                        assert_true(kept[output.kept.size - 1 - at] == byte_at(rows[i].size - 1 - at));
                }
                run_output_done(&output);
                expect_file(own, rows[i].size);
                (void) test_store_down(&own);
        }
}

/* What is not long is not written, and kept whole. */
static void test_short(void **state)
{
        RunOutput output = { .n_written = 0 };
        TestStore *store = *state;

        add(store, &output, 100000);
        assert_ok(run_output_end(&output));
        assert_null(output.file);
        assert_int_equal(output.kept.size, 100000);
        assert_int_equal(output.n_left_out, 0);
        run_output_done(&output);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_long),
                cmocka_unit_test_setup_teardown(test_short, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
