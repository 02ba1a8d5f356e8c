/* SPDX-License-Identifier: MIT */
/* Messages that cannot be processed, and a store that cannot be written. */

#include "matrix/timeline.h"

#include <stdio.h>

#include "chat.h"
#include "matrix/schema.h"
#include "store/query.h"
#include "test.h"

#define COMMANDS "SELECT count(*) FROM command"
#define SKIPPED  "SELECT count(*) FROM poison"
#define ANSWER_SKIPPED                                                                                      \
        "This message cannot be processed here and was skipped. If it was a command, it was not run. The "  \
        "journal of devbox-matrix names the error."

/* Ana writes them while the session is not there. */
static void write_messages(Chat *chat, const char *const *texts, size_t n)
{
        chat_pin(chat);
        chat_stop(chat);
        for (size_t i = 0; i < n; i++)
                peer_say(chat->ana, ROOM, texts[i]);
        settle(chat->server);
}

/* In a sync, and in the page that a sync has left out: what is before and after it is processed once. */
static void test_message_that_fails(void **state)
{
        static const char *const texts[] = { "!one", "!bad", "!two" };

        for (int max = 0; max < 2; max++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                write_messages(chat, texts, ELEMENTSOF(texts));
                chat->timeline_max = max;
                chat_start(chat);
                assert_ok(database_run(chat->database,
                                       "CREATE TEMP TRIGGER bad BEFORE INSERT ON command"
                                       " WHEN NEW.line = '!bad' BEGIN SELECT RAISE(ABORT, ''); END"));
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, ANSWER_SKIPPED) == 1);
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
                assert_int_equal(chat->n_pages > 0, max > 0);
                assert_int_equal(chat_count(chat, COMMANDS " WHERE line IN ('!one', '!two')"), 2);
                assert_int_equal(chat_count(chat, COMMANDS), 2);
                assert_int_equal(chat->n_receipts, 2);
                assert_int_equal(chat_count(chat, SKIPPED " WHERE part = 'timeline' AND room_id = '" ROOM
                                                          "' AND event_id NOT NULL"),
                                 1);
                assert_int_equal(chat_count(chat, SKIPPED), 1);
                assert_int_equal(peer_heard(chat->ana, BOT, ANSWER_SKIPPED), 1);
                assert_int_equal(chat_down(state), 0);
        }
}

/* Nor does the answer about it stop what follows. */
static void test_answer_that_fails(void **state)
{
        static const char *const texts[] = { "!bad", "!two" };
        Chat *chat = *state;

        write_messages(chat, texts, ELEMENTSOF(texts));
        chat_start(chat);
        assert_ok(database_run(chat->database,
                               "CREATE TEMP TRIGGER bad BEFORE INSERT ON command WHEN NEW.line = '!bad'"
                               " BEGIN SELECT RAISE(ABORT, ''); END;"
                               "CREATE TEMP TRIGGER worse BEFORE INSERT ON outbox"
                               " WHEN NEW.content LIKE '%was skipped%' BEGIN SELECT RAISE(ABORT, ''); END"));
        CHAT_UNTIL(chat, chat_count(chat, COMMANDS) == 1);
        assert_int_equal(chat_count(chat, SKIPPED " WHERE part IN ('timeline', 'notice')"), 2);
}

/* What a room brings beside messages. */
static void test_other_events_that_fail(void **state)
{
        static const struct {
                const char *part, *trigger;
        } rows[] = {
                { "arrival", "CREATE TEMP TRIGGER bad1 BEFORE INSERT ON arrival" },
                { "upgrade", "CREATE TEMP TRIGGER bad2 BEFORE UPDATE ON chat_room" },
        };
        static const char joined[] =
                "{\"" ROOM "\":{\"state\":{\"events\":[{\"type\":\"m.room.member\",\"state_key\":\"" BOT
                "\",\"event_id\":\"$a\",\"origin_server_ts\":1,\"content\":{\"membership\":\"join\"}},"
                "{\"type\":\"m.room.tombstone\",\"state_key\":\"\",\"event_id\":\"$t\","
                "\"content\":{\"replacement_room\":\"!s:x\"}}]},\"timeline\":{\"events\":["
                "{\"type\":\"m.room.tombstone\",\"state_key\":\"\",\"event_id\":\"$u\","
                "\"content\":{\"replacement_room\":\"!s:x\"}}]}}}";
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *tree = tree_parse(joined);
        Chat *chat = *state;
        const Timeline timeline = { chat->database, session_e2ee(chat->session), BOT, "s" };
        char sql[160];

        chat_add_approvals(chat);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                (void) snprintf(sql, sizeof sql, "%s BEGIN SELECT RAISE(ABORT, ''); END", rows[i].trigger);
                assert_ok(database_run(chat->database, sql));
        }
        assert_ok(transaction_begin(chat->database, &transaction));
        assert_ok(timeline_receive(&timeline, tree));
        assert_int_equal(chat_count(chat, SKIPPED " WHERE part = 'arrival' AND event_id = '$a'"), 1);
        assert_int_equal(chat_count(chat, SKIPPED " WHERE part = 'upgrade' AND event_id = '$t'"), 1);
        assert_int_equal(chat_count(chat, SKIPPED " WHERE part = 'timeline' AND event_id = '$u'"), 1);
        assert_int_equal(chat_count(chat, SKIPPED), 3);
}

static void test_invitation_that_fails(void **state)
{
        Chat *chat = *state;

        assert_ok(database_run(chat->database,
                               "CREATE TEMP TRIGGER bad BEFORE INSERT ON invitation"
                               " WHEN NEW.room_id = '!bad:x' BEGIN SELECT RAISE(ABORT, ''); END"));
        chat->invited = "{\"!bad:x\":{\"invite_state\":{}},\"!good:x\":{\"invite_state\":{}}}";
        CHAT_UNTIL(chat, chat_count(chat, SKIPPED " WHERE part = 'invitation' AND room_id = '!bad:x'") == 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM invitation WHERE room_id = '!good:x'"), 1);
        assert_int_equal(chat_count(chat, SKIPPED), 1);
}

/* Lets some syncs fail. */
static void let_fail(Chat *chat)
{
        unsigned end = chat->n_syncs + 3;

        CHAT_UNTIL(chat, chat->n_syncs >= end);
        assert_int_equal(chat_count(chat, COMMANDS), 0);
}

static void expect_all(Chat *chat, int64_t n)
{
        CHAT_UNTIL(chat, chat_count(chat, COMMANDS) == n);
        assert_int_equal(chat_count(chat, SKIPPED), 0);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM suspect"), 0);
}

/* A disk that is full, also over a restart, until it is not. */
static void test_full_disk(void **state)
{
        char text[4000] = "!", sql[64];
        const char *texts[] = { text, text, text, text };
        Chat *chat = *state;

        memset(text + 1, 'x', sizeof text - 2);
        write_messages(chat, texts, ELEMENTSOF(texts));
        for (int i = 0; i < 2; i++) {
                chat_start(chat);
                (void) snprintf(sql, sizeof sql, "PRAGMA max_page_count=%lld",
                                (long long) chat_count(chat, "SELECT page_count FROM pragma_page_count"));
                (void) database_run(chat->database, sql);
                let_fail(chat);
                chat_stop(chat);
        }
        chat_start(chat);
        expect_all(chat, ELEMENTSOF(texts));
}

/* Another process has the store. */
static void test_locked_store(void **state)
{
        static const char *const texts[] = { "!one", "!two" };
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(database_closep) Database *other = NULL;
        Chat *chat = *state;

        write_messages(chat, texts, ELEMENTSOF(texts));
        chat_start(chat);
        assert_ok(matrix_database_open(chat->path, &other));
        assert_ok(transaction_begin(other, &transaction));
        assert_ok(database_run(chat->database, "PRAGMA busy_timeout=1"));
        let_fail(chat);
        transaction_done(&transaction);
        expect_all(chat, ELEMENTSOF(texts));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_message_that_fails),
                cmocka_unit_test_setup_teardown(test_answer_that_fails, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_other_events_that_fail, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_invitation_that_fails, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_full_disk, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_locked_store, chat_up, chat_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
