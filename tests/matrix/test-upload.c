/* SPDX-License-Identifier: MIT */
/* Files: what is uploaded, and what becomes of it. */

#include "matrix/upload.h"

#include "e2ee/attachment.h"
#include "e2ee/json.h"
#include "matrix/command-journal.h"
#include "matrix/run-answer.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

static void add(TestStore *store, Bytes content)
{
        assert_ok(upload_add(store->database, &(UploadFile){ .room_id = "!home",
                                                             .name = "home-ls.txt",
                                                             .type = "text/plain",
                                                             .content = content,
                                                             .reply_to = "$command" }));
}

/* As it is read for the request, in pieces of any size. */
static char *read_all(TestStore *store, int64_t id, size_t size)
{
        char *all = malloc(size + 1);
        ssize_t n = 0;

        for (size_t at = 0; at < size; at += (size_t) n) {
                n = upload_read(store->database, id, at, all + at, MIN(size - at, (size_t) 5000));
                assert_true(n > 0);
        }
        assert_true(upload_read(store->database, id, size, all, 1) == 0);
        return all;
}

static void answer(TestStore *store, int64_t now_ms, int64_t id, MatrixReply reply, const char *body)
{
        _cleanup_(json_freep) cJSON *tree = body ? cJSON_Parse(body) : NULL;

        reply.body = tree;
        assert_ok(upload_answered(store->database, now_ms, id, &reply));
}

/* The only message that waits; NULL: none does. */
static cJSON *message(TestStore *store)
{
        _cleanup_(freep) char *text = NULL;
        cJSON *content = NULL;

        if (assert_ok(query_text(store->database, &text, "SELECT content FROM outbox", "")) > 0)
                assert_ok(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &content));
        return content;
}

/* Whoever reads the message gets what was added. */
static void test_upload(void **state)
{
        _cleanup_(freep) char *cipher = NULL;
        _cleanup_(freep) uint8_t *plain = NULL;
        _cleanup_(json_freep) cJSON *content = NULL;
        TestStore *store = *state;
        size_t size = 0;
        int64_t id = 0;

        assert_err(upload_next(store->database, 1, &id, &size), 0);
        add(store, bytes_of_string("all of it"));
        assert_err(upload_next(store->database, 1, &id, &size), 1);
        assert_int_equal(size, strlen("all of it"));
        cipher = read_all(store, id, size);
        assert_null(message(store));
        answer(store, 1, id, (MatrixReply){ .status = 200 }, "{\"content_uri\":\"mxc://x/abc\"}");

        content = message(store);
        assert_string_equal(object_string(content, "msgtype"), "m.file");
        assert_string_equal(object_string(content, "body"), "home-ls.txt");
        assert_string_equal(object_string(object_object(content, "file"), "url"), "mxc://x/abc");
        assert_ok(attachment_decrypt(BYTES(cipher, size), object_object(content, "file"), &plain));
        assert_memory_equal(plain, "all of it", size);
        assert_err(upload_next(store->database, 1, &id, &size), 0);
}

static void test_failures(void **state)
{
        static const struct {
                MatrixReply reply;
                const char *body, *line; /* NULL: tried again */
        } rows[] = {
                { { .error = -ECONNRESET }, NULL, NULL },
                { { .status = 502 }, NULL, NULL },
                { { .status = 429 }, "{}", NULL },
                { { .status = 413 },
                  "{\"errcode\":\"M_TOO_LARGE\"}",
                  "home-ls.txt could not be uploaded: it is larger than this homeserver allows." },
                { { .status = 403 },
                  "{\"errcode\":\"M_FORBIDDEN\"}",
                  "home-ls.txt could not be uploaded: the homeserver does not take it." },
                { { .status = 200 },
                  "{}",
                  "home-ls.txt could not be uploaded: the homeserver does not take it." },
                { { .status = 200 },
                  "{\"content_uri\":\"https://evil\"}",
                  "home-ls.txt could not be uploaded: the homeserver does not take it." },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *content = NULL;
                void *own = NULL;
                size_t size;
                int64_t id;

                (void) test_store_up(&own);
                TestStore *store = own;
                add(store, bytes_of_string("x"));
                assert_err(upload_next(store->database, 1000, &id, &size), 1);
                answer(store, 1000, id, rows[i].reply, rows[i].body);
                content = message(store);
                if (rows[i].line) {
                        assert_string_equal(object_string(content, "body"), rows[i].line);
                        assert_null(object_get(content, "file")); /* no key without its file */
                        assert_err(upload_next(store->database, 1 << 30, &id, &size), 0);
                } else {
                        assert_null(content);
                        assert_err(upload_next(store->database, 1000, &id, &size), 2);
                        assert_err(upload_next(store->database, 13000, &id, &size), 1);
                }
                (void) test_store_down(&own);
        }
}

static void test_given_up(void **state)
{
        _cleanup_(json_freep) cJSON *content = NULL;
        TestStore *store = *state;
        int64_t id, now_ms = 0;
        unsigned n = 0;

        add(store, bytes_of_string("x"));
        for (;;) {
                size_t size;

                now_ms += 3600 * 1000;
                if (assert_ok(upload_next(store->database, now_ms, &id, &size)) == 0)
                        break;
                answer(store, now_ms, id, (MatrixReply){ .error = -ECONNREFUSED }, NULL);
                n++;
        }
        assert_int_equal(n, 10);
        content = message(store);
        assert_true(endswith(object_string(content, "body"), "the homeserver does not take it."));
}

/* An output that the answer shows in part comes as a file too, once. */
static void test_long_output(void **state)
{
        static char output[20000];
        TestStore *store = *state;
        RunAnswer answer = { .event_id = "$command", .device = "home", .subject = "ls" };
        const RunOutcome done = { "finished", NULL, NULL, 0, 0 };
        int64_t n = 0;

        memset(output, 'x', sizeof output);
        assert_ok(command_journal_add(store->database, &(ReceivedCommand){ "$command", "!home", "@ana:x",
                                                                           "!exec ls", "$root", 1 }));
        answer.output = BYTES(output, sizeof output);
        assert_ok(run_answer_progress(store->database, &answer));
        for (int i = 0; i < 2; i++)
                assert_ok(run_answer_end(store->database, &answer, &done));
        assert_ok(query_integer(store->database, &n,
                                "SELECT count(*) FROM upload JOIN upload_piece ON upload = id WHERE"
                                " length(cipher) = 20000 AND content LIKE '%m.thread%' AND content LIKE "
                                "'%$root%' AND content LIKE '%home-ls.txt%'",
                                ""));
        assert_int_equal(n, 1);
}

/* Nothing is sent of what was not finished, and none of it stays. */
static void test_unfinished(void **state)
{
        UploadWriter *writers[2] = { NULL };
        TestStore *store = *state;
        int64_t id, n = -1;
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(writers); i++) {
                assert_ok(upload_writer_new(store->database, &writers[i]));
                assert_ok(upload_writer_add(writers[i], bytes_of_string("some of it")));
        }
        assert_err(upload_next(store->database, 1, &id, &size), 0);
        (void) upload_writer_free(writers[0]);
        assert_ok(query_integer(store->database, &n, "SELECT count(*) FROM upload_piece", ""));
        assert_int_equal(n, 1);
        assert_ok(upload_recover(store->database)); /* as if the process had been killed */
        assert_ok(query_integer(store->database, &n, "SELECT count(*) FROM upload_piece", ""));
        assert_int_equal(n, 0);
        (void) upload_writer_free(writers[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_upload, test_store_up, test_store_down),
                cmocka_unit_test(test_failures),
                cmocka_unit_test_setup_teardown(test_given_up, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_unfinished, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_long_output, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
