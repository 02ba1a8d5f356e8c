/* SPDX-License-Identifier: MIT */
/* What a room shows of a command, from its start to its end. */

#include "matrix/run-answer.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "matrix/command-display.h"
#include "matrix/command-journal.h"
#include "matrix/outbox.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define EVENT "$command"

static const RunAnswer ls = {
        .event_id = EVENT, .device = "home-wsl", .subject = "ls", .took_usec = 200 * USEC_PER_MSEC
};

static void submit(TestStore *store)
{
        assert_ok(command_journal_add(store->database,
                                      &(ReceivedCommand){ EVENT, "!home", "@ana:x", "!exec ls", NULL, 1 }));
        assert_ok(command_journal_submit(store->database, EVENT));
}

static int up(void **state)
{
        (void) test_store_up(state);
        submit(*state);
        return 0;
}

/* The first event that waits, as the sender has it: {type, target, content}. NULL: none. */
static cJSON *first(TestStore *store, int64_t *ret_seq)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        cJSON *content = NULL, *event = NULL;

        assert_ok(query(store->database, &row,
                        "SELECT seq, type, target, content FROM outbox WHERE error IS NULL ORDER BY seq",
                        ""));
        if (assert_ok(statement_step(row)) == 0)
                return NULL;
        *ret_seq = statement_integer(row, 0);
        assert_ok(matrix_json_parse(bytes_of_string(statement_text(row, 3)), SIZE_MAX, &content));
        assert_ok(json_pack(&event, "{type:s,target:s,content:o}", statement_text(row, 1),
                            statement_text(row, 2), content));
        return event;
}

/* "❖ KEY", "✗ EVENT" or the text of the message, of an edit with "EVENT: " before it. */
static void describe(const cJSON *event, char *text, size_t size)
{
        const cJSON *content = object_object(event, "content"),
                    *relation = object_object(content, "m.relates_to");
        const cJSON *edited = object_object(content, "m.new_content");

        if (object_has(event, "type", "m.reaction")) {
                assert_string_equal(object_string(relation, "event_id"), EVENT);
                (void) snprintf(text, size, "+%s", object_string(relation, "key"));
        } else if (object_has(event, "type", "m.room.redaction"))
                (void) snprintf(text, size, "-%s", object_string(event, "target"));
        else if (edited)
                (void) snprintf(text, size, "%s: %s", object_string(relation, "event_id"),
                                object_string(edited, "body"));
        else
                (void) snprintf(text, size, "%s", object_string(content, "body"));
}

/* Sends the first event, which then has this id; NULL: it is refused. "": there is none. */
static void expect_sent(TestStore *store, const char *expected, const char *sent_id)
{
        _cleanup_(freep) char *owner_id = NULL;
        _cleanup_(json_freep) cJSON *event = NULL;
        OutboxOwnerKind kind = OUTBOX_NO_OWNER;
        char text[1024] = "";
        int64_t seq = 0;

        event = first(store, &seq);
        if (event)
                describe(event, text, sizeof text);
        assert_string_equal(text, expected);
        if (!event)
                return;

        assert_ok(outbox_owner(store->database, seq, &kind, &owner_id));
        assert_ok(outbox_answered(store->database, seq, sent_id ? NULL : "M_UNKNOWN"));
        if (kind == OUTBOX_STATUS)
                assert_ok(command_display_status_sent(store->database, owner_id, sent_id));
        else if (kind == OUTBOX_ANSWER)
                assert_ok(command_display_answer_sent(store->database, owner_id, sent_id));
}

static void test_ends(void **state)
{
        static const struct {
                RunOutcome outcome;
                const char *output, *body, *mark;
        } rows[] = {
                { { "finished", NULL, NULL, 0, 0 },
                  "a\nb\n",
                  "✅ home-wsl · ls · exit 0 · 0.2 s\na\nb\n",
                  "✅" },
                { { "finished", NULL, NULL, 0, 0, 7, 0 },
                  "a",
                  "✅ home-wsl · ls · exit 0 · 0.2 s\nThe output is cut after 16 MiB: 7 bytes are missing. "
                  "All of "
                  "it, on the hub: devboxctl run home-wsl …\na",
                  "✅" },
                { { "timeout", NULL, "out of time", -1, 0, 0, 9 },
                  "",
                  "⚠ home-wsl · ls · out of time · 0.2 s\nout of time\nThe output is cut: 9 bytes are "
                  "beyond "
                  "max_output of the manifest, or the hub was restarted.",
                  "⚠\xef\xb8\x8f" },
                { { "finished", NULL, NULL, 2, 0 },
                  "",
                  "⚠ home-wsl · ls · exit 2 · 0.2 s",
                  "⚠\xef\xb8\x8f" },
                { { "finished", NULL, NULL, -1, 9 },
                  "",
                  "⚠ home-wsl · ls · signal 9 · 0.2 s",
                  "⚠\xef\xb8\x8f" },
                { { "finished", NULL, NULL, -1, 0 }, "", "✅ home-wsl · ls · done · 0.2 s", "✅" },
                { { "timeout", NULL, NULL, -1, 9 },
                  "a",
                  "⚠ home-wsl · ls · out of time · 0.2 s\na",
                  "⚠\xef\xb8\x8f" },
                { { "failed", "x", "No worker.", -1, 0 },
                  "",
                  "⚠ home-wsl · ls · failed · 0.2 s\nNo worker.",
                  "⚠\xef\xb8\x8f" },
                { { "rejected", "binary_not_allowed", "capability rejected: shell.exec.rm not in manifest",
                    -1, 0 },
                  "",
                  "capability rejected: shell.exec.rm not in manifest",
                  "⛔" },
                { { "denied", "x", "denied by @ben:x", -1, 0 }, "", "denied by @ben:x", "⛔" },
                { { "unreachable", "x", "mesh_unreachable: no", -1, 0 },
                  "",
                  "mesh_unreachable: no",
                  "⚠\xef\xb8\x8f" },
                { { "some-day", NULL, NULL, -1, 0 }, "", "some-day", "⚠\xef\xb8\x8f" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                RunAnswer answer = ls;
                void *store = NULL;
                char mark[16];

                (void) up(&store);
                answer.output = bytes_of_string(rows[i].output);
                for (int n = 0; n < 2; n++) /* only the first counts */
                        assert_ok(run_answer_end(((TestStore *) store)->database, &answer,
                                                 n == 0 ? &rows[i].outcome : &rows[0].outcome));
                expect_sent(store, rows[i].body, "$answer");
                (void) snprintf(mark, sizeof mark, "+%s", rows[i].mark);
                expect_sent(store, mark, "$mark");
                expect_sent(store, "", NULL);
                (void) test_store_down(&store);
        }
}

static void test_long_run(void **state)
{
        TestStore *store = *state;
        RunAnswer answer = ls;

        assert_ok(run_answer_wait(store->database, &answer,
                                  &(RunWait){ "01JDQ0000000000000007KQ2PD", true, 290 * USEC_PER_SEC }));
        expect_sent(store, "waits for an approval (7KQ2PD, 5 minutes)", "$answer");
        expect_sent(store, "+🔒", "$lock");

        answer.output = bytes_of_string("a");
        assert_ok(run_answer_progress(store->database, &answer));
        answer.output = bytes_of_string("ab"); /* overtakes the one before */
        assert_ok(run_answer_progress(store->database, &answer));
        expect_sent(store, "$answer: ⏳ home-wsl · ls · 0.2 s\nab", "$edit");
        expect_sent(store, "-$lock", "$redaction");
        answer.took_usec = 61 * USEC_PER_SEC;
        assert_ok(run_answer_end(store->database, &answer, &(RunOutcome){ "finished", NULL, NULL, 0, 0 }));
        expect_sent(store, "+⏳", "$clock"); /* under way: its id is awaited */
        expect_sent(store, "$answer: ✅ home-wsl · ls · exit 0 · 1 min 1 s\nab", "$edit");
        expect_sent(store, "-$clock", "$redaction");
        expect_sent(store, "+✅", "$mark");
        expect_sent(store, "", NULL);
}

/* The program's name is what the person wrote. */
static void test_subjects(void **state)
{
        static const struct {
                const char *subject, *line;
        } rows[] = {
                { "ls", "⏳ home-wsl · ls · 0.2 s" },
                { "ls\n7KQ2PD approved by @ben:x", "⏳ home-wsl · ls?7KQ2PD approved by @ben:x · 0.2 s" },
                { "a\xe2\x80\xae"
                  "b\x1b",
                  "⏳ home-wsl · a???b? · 0.2 s" },
                { "é", "⏳ home-wsl · é · 0.2 s" },
                { "012345678901234567890123456789012345678901234567890123456789éé",
                  "⏳ home-wsl · 012345678901234567890123456789012345678901234567890123456789é? · 0.2 s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                RunAnswer answer = ls;
                void *store = NULL;

                (void) up(&store);
                answer.subject = rows[i].subject;
                assert_ok(run_answer_progress(((TestStore *) store)->database, &answer));
                expect_sent(store, rows[i].line, "$answer");
                (void) test_store_down(&store);
        }
}

/* The first message is being sent when the run ends: the end waits for its id. */
static void test_under_way(void **state)
{
        TestStore *store = *state;

        assert_ok(run_answer_progress(store->database, &ls));
        assert_ok(query_run(store->database, "UPDATE outbox SET encrypted = 1 WHERE type = 'm.room.message'",
                            ""));
        assert_ok(run_answer_end(store->database, &ls, &(RunOutcome){ "finished", NULL, NULL, 0, 0 }));
        expect_sent(store, "⏳ home-wsl · ls · 0.2 s", "$answer");
        expect_sent(store, "+⏳", "$clock");
        expect_sent(store, "$answer: ✅ home-wsl · ls · exit 0 · 0.2 s", "$edit");
        expect_sent(store, "-$clock", "$redaction");
        expect_sent(store, "+✅", "$mark");
}

/* What the homeserver refuses holds nothing up. */
static void test_refused(void **state)
{
        TestStore *store = *state;

        assert_ok(run_answer_progress(store->database, &ls));
        expect_sent(store, "⏳ home-wsl · ls · 0.2 s", NULL);
        expect_sent(store, "+⏳", NULL);
        assert_ok(run_answer_end(store->database, &ls, &(RunOutcome){ "finished", NULL, NULL, 0, 0 }));
        expect_sent(store, "✅ home-wsl · ls · exit 0 · 0.2 s", "$answer");
        expect_sent(store, "+✅", "$mark");
        expect_sent(store, "", NULL);
}

/* A command in a thread is answered in it. */
static void test_thread(void **state)
{
        _cleanup_(json_freep) cJSON *event = NULL;
        _cleanup_(freep) char *relation = NULL;
        TestStore *store = *state;
        int64_t seq;

        assert_ok(command_journal_add(
                store->database, &(ReceivedCommand){ "$2", "!home", "@ana:x", "!exec ls", "$root", 2 }));
        assert_ok(run_answer_reject(store->database, "$2", "no"));
        event = first(store, &seq);
        assert_ok(canonical_json(object_object(object_object(event, "content"), "m.relates_to"), false,
                                 &relation));
        assert_string_equal(relation, "{\"event_id\":\"$root\",\"is_falling_back\":false,"
                                      "\"m.in_reply_to\":{\"event_id\":\"$2\"},\"rel_type\":\"m.thread\"}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ends),
                cmocka_unit_test_setup_teardown(test_long_run, up, test_store_down),
                cmocka_unit_test(test_subjects),
                cmocka_unit_test_setup_teardown(test_under_way, up, test_store_down),
                cmocka_unit_test_setup_teardown(test_refused, up, test_store_down),
                cmocka_unit_test_setup_teardown(test_thread, up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
