/* SPDX-License-Identifier: MIT */
/* A homeserver that was restored from a backup. */

#include "matrix/rewind.h"

#include "chat.h"
#include "store/query.h"
#include "test.h"

#define ALERT "The homeserver was restored from a backup.%"

static void hear_once(Chat *chat, const char *text)
{
        chat_say(chat, text);
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, text) == 1);
}

/* What was written before the session saw it is read; people learn what happened, once; nothing that was
 * received before is received again. Seen after a restart, and when a sync was interrupted. */
static void test_restored(void **state)
{
        for (int restart = 0; restart < 2; restart++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat_pin(chat);
                chat_add_approvals(chat);
                hear_once(chat, "before");
                peer_say(chat->ana, ROOM, "!first");
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 1);

                if (restart)
                        chat_stop(chat);
                chat_restore_server(chat, "!second");
                if (restart)
                        chat_start(chat);
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 2);
                CHAT_UNTIL(chat, peer_count(chat->ana,
                                            "SELECT count(*) FROM heard WHERE body LIKE '" ALERT "'") == 1);
                assert_int_equal(chat_count(chat, "SELECT count(*) FROM command WHERE line = '!first'"), 1);

                hear_once(chat, "after"); /* by a new key, to those who are there now */
                if (restart) {
                        chat_stop(chat);
                        chat_start(chat);
                }
                peer_say(chat->ana, ROOM, "!third");
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 3);
                assert_int_equal(
                        peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE '" ALERT "'"), 1);
                assert_int_equal(chat->ana->n_replays, 0);
                assert_int_equal(chat_down(state), 0);
        }
}

/* The server has the last event, or does not say: all goes on where it was. */
static void test_same_server(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
                bool is_other;
        } rows[] = {
                { 200, "{}", false },
                { 403, "{\"errcode\":\"M_FORBIDDEN\"}", false },
                { 404, "{\"errcode\":\"M_UNRECOGNIZED\"}", false },
                { 404, "{\"errcode\":\"M_NOT_FOUND\"}", true },
        };
        Chat *chat = *state;

        chat_add_approvals(chat);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_freep) cJSON *body = NULL;
                _cleanup_(freep) char *target = NULL;

                assert_ok(query_run(chat->database,
                                    "INSERT OR REPLACE INTO landmark VALUES (1, '" ROOM "', '$1')", ""));
                assert_int_equal(assert_ok(rewind_next(chat->database, &target)), 1);
                assert_string_equal(target, "/_matrix/client/v3/rooms/%21r%3Ax/event/%241");
                assert_ok(matrix_json_parse(bytes_of_string(rows[i].body), SIZE_MAX, &body));
                const MatrixReply reply = { .status = rows[i].status, .body = body };
                assert_int_equal(
                        assert_ok(rewind_answered(chat->database, session_e2ee(chat->session), &reply)),
                        rows[i].is_other);
        }
}

/* Rooms and members that the server has no more are made and invited again. */
static void test_review(void **state)
{
        _cleanup_(json_freep) cJSON *joined = tree_parse("{\"" ROOM "\":{}}");
        Chat *chat = *state;

        chat_add_approvals(chat);
        assert_ok(database_run(chat->database, "INSERT INTO chat_room(kind, name, alias, room_id, linked)"
                                               " VALUES (2, 'home', 'dev-home', '!gone:x', 1)"));
        assert_ok(database_run(chat->database,
                               "INSERT INTO chat_member(room, user_id, state) VALUES (1, '@ben:x', 1)"));
        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_SYNCED);
        assert_ok(rewind_review(chat->database, joined));
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM chat_room WHERE room_id IS NULL"
                                          " AND name = 'home' AND NOT linked"),
                         1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM chat_room WHERE room_id = '" ROOM "'"), 1);
        assert_int_equal(chat_count(chat, "SELECT state FROM chat_member WHERE user_id = '@ben:x'"), 0);
        assert_int_equal(chat_count(chat, "SELECT state FROM chat_member WHERE user_id = '" ANA "'"), 1);
}

/* A room that we were taken out of, or that was deleted, is made anew, and its people are invited there;
 * rooms of others are nothing to us. */
static void test_lost_room(void **state)
{
        _cleanup_(json_freep) cJSON *rooms = tree_parse("{\"leave\":{\"!home:x\":{},\"!other:x\":{}}}");
        Chat *chat = *state;

        chat_add_approvals(chat);
        assert_ok(database_run(chat->database,
                               "INSERT INTO chat_room(kind, name, alias, room_id, candidate, linked, hosted)"
                               " VALUES (2, 'home', 'dev-home', '!home:x', '!home:x', 1, 1)"));
        assert_ok(database_run(chat->database, "INSERT INTO chat_member(room, user_id, state) SELECT id,"
                                               " '@ben:x', 1 FROM chat_room WHERE name = 'home'"));
        assert_ok(rewind_note(chat->database, rooms));
        assert_int_equal(
                chat_count(chat, "SELECT count(*) FROM chat_room WHERE room_id IS NULL"
                                 " AND name = 'home' AND NOT linked AND hosted < 0 AND candidate IS NULL"),
                1);
        assert_int_equal(chat_count(chat, "SELECT state FROM chat_member WHERE user_id = '@ben:x'"), 0);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM chat_room WHERE room_id = '" ROOM "'"), 1);
        assert_int_equal(chat_count(chat, "SELECT state FROM chat_member WHERE user_id = '" ANA "'"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_restored),
                cmocka_unit_test_setup_teardown(test_same_server, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_review, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_lost_room, chat_up, chat_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
