/* SPDX-License-Identifier: MIT */
/* The pinned help: where, when and how often it is written and pinned. */

#include "matrix/room-help.h"

#include <stdio.h>

#include "chat.h"
#include "e2ee/json.h"
#include "homeserver-http.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define NOW_MS    INT64_C(1000000)
#define MINUTE_MS INT64_C(60000)
#define TARGET    "/_matrix/client/v3/rooms/%21home/state/m.room.pinned_events"

/* Ana and Ben can read what is written in the room of `home`. */
static void add_room(TestStore *store)
{
        static const char *const statements[] = {
                "UPDATE chat_room SET room_id = '!home'",
                "INSERT INTO chat_member(room, user_id, state) SELECT id, column1, 1 FROM chat_room, (VALUES"
                " ('@ana:x'), ('@ben:x'))",
                "INSERT INTO room(room_id, encrypted) VALUES ('!home', 1)",
                "INSERT INTO member(room_id, user_id, membership) VALUES ('!home', '@ana:x', 'join'),"
                " ('!home', '@ben:x', 'invite'), ('!home', '" BOT "', 'join')",
                "INSERT INTO identity(user_id, master, pinned, dirty) VALUES ('@ana:x', 'A', 'A', 0),"
                " ('@ben:x', 'B', 'B', 0)",
        };

        assert_ok(room_queue_want(store->database, ROOM_DEVICE, "home"));
        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                assert_ok(database_run(store->database, statements[i]));
}

static void run(TestStore *store, const char *sql)
{
        assert_ok(database_run(store->database, sql));
}

/* Takes it out of the outbox as well. Returns whether there was one. */
static int add_help(TestStore *store, int64_t now_ms)
{
        int64_t n = -1;

        int r = assert_ok(room_help_add(store->database, now_ms));
        assert_int_equal(query_integer(store->database, &n,
                                       "SELECT count(*) FROM outbox AS o JOIN chat_room USING (room_id)"
                                       " WHERE type = 'm.room.message' AND owner_id = room_id"
                                       " AND content LIKE '%Write !help for %m.notice%'",
                                       ""),
                         1);
        assert_int_equal(n, r);
        run(store, "DELETE FROM outbox");
        return r;
}

/* Once, for those who are there and can read it. */
static void test_added(void **state)
{
        static const struct {
                const char *change; /* NULL: none */
                int added;
        } rows[] = {
                { NULL, 1 },
                { "UPDATE chat_room SET kind = 1", 0 },
                { "UPDATE chat_room SET retired = 1", 0 },
                { "UPDATE chat_room SET room_id = NULL", 0 },
                { "UPDATE room SET encrypted = 0", 0 },
                { "DELETE FROM room", 0 },
                { "DELETE FROM member", 0 },
                { "DELETE FROM chat_member", 0 },
                { "UPDATE chat_member SET state = 2", 0 },
                { "UPDATE identity SET pinned = NULL WHERE user_id = '@ben:x'", 1 },
                { "UPDATE identity SET pinned = NULL", 0 },
                { "UPDATE identity SET pinned = 'other'", 0 },
                { "UPDATE identity SET master = NULL, dirty = 1", 0 },
                { "DELETE FROM identity", 0 },
                { "UPDATE member SET membership = 'leave' WHERE user_id = '@ben:x'", 1 },
                { "UPDATE member SET membership = 'leave'", 0 },
                { "UPDATE chat_room SET helped = '!before'", 1 },
        };
        TestStore *store = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                run(store, "BEGIN");
                add_room(store);
                if (rows[i].change)
                        run(store, rows[i].change);
                assert_err(add_help(store, NOW_MS), rows[i].added);
                assert_err(add_help(store, NOW_MS), 0);
                assert_err(add_help(store, NOW_MS + MINUTE_MS), 0);
                run(store, "ROLLBACK");
        }
}

/* Who could not read the last one gets another a minute later, if that is so then, and once. */
static void test_added_again(void **state)
{
        static const struct {
                const char *before, *change, *later; /* the last: within that minute; NULL: nothing */
                int added, waits;
        } rows[] = {
                { "DELETE FROM member WHERE user_id = '@ben:x'",
                  "INSERT INTO member VALUES ('!home', '@ben:x', 'invite')", NULL, 1 },
                { "DELETE FROM member WHERE user_id = '@ben:x'",
                  "INSERT INTO member VALUES ('!home', '@ben:x', 'join')",
                  "UPDATE member SET membership = 'leave' WHERE user_id = '@ben:x'", 0 },
                { "DELETE FROM member WHERE user_id = '@ben:x'",
                  "INSERT INTO member VALUES ('!home', '@ben:x', 'join')",
                  "INSERT INTO chat_member(room, user_id) SELECT id, '@cleo:x' FROM chat_room", 0, 1 },
                { "UPDATE identity SET pinned = NULL WHERE user_id = '@ben:x'",
                  "UPDATE identity SET pinned = 'B'  WHERE user_id = '@ben:x'", NULL, 1 },
                { NULL, "UPDATE identity SET master = 'C'  WHERE user_id = '@ben:x'", NULL, 0 },
                { NULL, "UPDATE identity SET master = 'C', pinned = 'C'  WHERE user_id = '@ben:x'", NULL,
                  1 },
                { NULL, "UPDATE member SET membership = 'join' WHERE user_id = '@ben:x'", NULL, 0 },
                { "INSERT INTO identity(user_id, master, pinned) VALUES ('@stranger:x', 'S', 'S')",
                  "INSERT INTO member VALUES ('!home', '@stranger:x', 'join')", NULL, 0 },
        };
        TestStore *store = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                run(store, "BEGIN");
                add_room(store);
                if (rows[i].before)
                        run(store, rows[i].before);
                assert_err(add_help(store, 1), 1);
                run(store, rows[i].change);
                assert_err(add_help(store, NOW_MS), 0);
                if (rows[i].later)
                        run(store, rows[i].later);
                assert_err(add_help(store, NOW_MS + MINUTE_MS - 1), 0);
                assert_err(add_help(store, NOW_MS + MINUTE_MS), rows[i].added);
                for (int64_t later_ms = NOW_MS; later_ms < NOW_MS + 5 * MINUTE_MS; later_ms += MINUTE_MS)
                        assert_err(add_help(store, later_ms), 0);
                assert_err(query_exists(store->database, "SELECT 1 FROM chat_room WHERE lacking_ms NOT NULL",
                                        ""),
                           rows[i].waits);
                run(store, "ROLLBACK");
        }
}

/* Those who come within a minute get one. */
static void test_added_for_many(void **state)
{
        TestStore *store = *state;
        char user_id[16];
        int n = 0;

        add_room(store);
        assert_err(add_help(store, 1), 1);
        run(store, "INSERT INTO identity(user_id, master, pinned) SELECT '@u' || value || ':x', 'M', 'M'"
                   " FROM json_each('[0,1,2,3,4,5,6,7,8,9]')");
        for (int i = 0; i < 24; i++) {
                (void) snprintf(user_id, sizeof user_id, "@u%d:x", i);
                if (i < 10)
                        assert_ok(query_run(store->database,
                                            "INSERT INTO member VALUES ('!home', ?, 'join')", "t", user_id));
                if (i < 10)
                        assert_ok(query_run(store->database,
                                            "INSERT INTO chat_member(room, user_id, state)"
                                            " SELECT id, ?, 1 FROM chat_room",
                                            "t", user_id));
                n += add_help(store, NOW_MS + i * MINUTE_MS / 12);
        }
        assert_int_equal(n, 1);
}

/* Nor does a clock that is set back keep it for ever. */
static void test_clock_set_back(void **state)
{
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store, NOW_MS), 1);
        run(store, "UPDATE chat_member SET helped = NULL");
        assert_err(add_help(store, NOW_MS), 0);
        assert_err(add_help(store, 1), 1);
}

/* ---- the pin */

static void finished(TestStore *store)
{
        char *target;
        int64_t id;

        assert_err(room_help_next_pin(store->database, &id, &target), 0);
        assert_err(add_help(store, 10 * NOW_MS), 0);
}

/* Asks for the pins, which are these, and sets those, NULL: none. */
static void expect_pin(TestStore *store, unsigned status, const char *pins, const char *expected)
{
        _cleanup_(json_freep) cJSON *tree = tree_parse(pins);
        _cleanup_(freep) char *target = NULL, *body = NULL;
        int64_t id;

        assert_err(room_help_next_pin(store->database, &id, &target), 1);
        assert_string_equal(target, TARGET);
        assert_err(room_help_pins_received(store->database, id,
                                           &(MatrixReply){ .status = status, .body = tree }, &body),
                   expected ? 1 : 0);
        if (expected)
                assert_string_equal(body, expected);
}

static void set_pin(TestStore *store, unsigned status)
{
        _cleanup_(freep) char *target = NULL;
        int64_t id;

        assert_err(room_help_next_pin(store->database, &id, &target), 1);
        assert_ok(room_help_pinned(store->database, id, &(MatrixReply){ .status = status }));
}

/* The new one takes the place of the former, and people's pins stay, whatever else the list has. */
static void test_pins(void **state)
{
        static const struct {
                unsigned status;
                const char *pins, *expected; /* NULL: none is set */
        } rows[] = {
                { 404, "{\"errcode\":\"M_NOT_FOUND\"}", "{\"pinned\":[\"$new\"]}" },
                { 403, "{\"errcode\":\"M_FORBIDDEN\"}", NULL },
                { 200, "{}", "{\"pinned\":[\"$new\"]}" },
                { 200, "{\"pinned\":{}}", "{\"pinned\":[\"$new\"]}" },
                { 200, "{\"pinned\":[\"$old\"]}", "{\"pinned\":[\"$new\"]}" },
                { 200, "{\"pinned\":[\"$a\",\"$old\",\"$b\"]}", "{\"pinned\":[\"$a\",\"$b\",\"$new\"]}" },
                { 200, "{\"pinned\":[\"$a\"]}", "{\"pinned\":[\"$a\",\"$new\"]}" },
                { 200, "{\"pinned\":[\"$new\",\"$a\"]}", NULL },
                { 200, "{\"pinned\":[1.5,{},null,\"$a\"]}", "{\"pinned\":[\"$a\",\"$new\"]}" },
        };
        TestStore *store = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                run(store, "BEGIN");
                add_room(store);
                assert_err(add_help(store, 1), 1);
                run(store, "UPDATE chat_room SET pinned = '$old'");
                assert_ok(room_help_sent(store->database, "!home", "$new"));
                if (rows[i].expected) /* an answer that is lost: all of it is asked again */
                        expect_pin(store, rows[i].status, rows[i].pins, rows[i].expected);
                expect_pin(store, rows[i].status, rows[i].pins, rows[i].expected);
                if (rows[i].expected)
                        set_pin(store, i % 2 == 0 ? 200 : 403);
                finished(store);
                run(store, "ROLLBACK");
        }
}

/* The second help waits for the pin of the first, which it replaces. */
static void test_pinned_again(void **state)
{
        TestStore *store = *state;

        add_room(store);
        run(store, "DELETE FROM member WHERE user_id = '@ben:x'");
        assert_err(add_help(store, 1), 1);
        assert_ok(room_help_sent(store->database, "!home", "$1"));
        run(store, "INSERT INTO member VALUES ('!home', '@ben:x', 'invite')");
        assert_err(add_help(store, NOW_MS), 0);
        assert_err(add_help(store, NOW_MS + MINUTE_MS), 0);
        expect_pin(store, 404, "{\"errcode\":\"M_NOT_FOUND\"}", "{\"pinned\":[\"$1\"]}");
        set_pin(store, 200);
        assert_err(add_help(store, NOW_MS + MINUTE_MS), 1);
        assert_ok(room_help_sent(store->database, "!home", "$2"));
        expect_pin(store, 200, "{\"pinned\":[\"$1\",\"$of ana\"]}", "{\"pinned\":[\"$of ana\",\"$2\"]}");
        set_pin(store, 200);
        finished(store);
}

/* A room that takes the place of another one has its own, and a message of the one before is not pinned in
 * it. */
static void test_replaced(void **state)
{
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store, 1), 1);
        assert_ok(room_help_sent(store->database, "!home", "$help"));
        assert_ok(room_queue_replace(store->database, "!home", ""));
        run(store, "UPDATE chat_room SET room_id = '!new'");
        run(store, "UPDATE chat_member SET state = 1");
        run(store, "INSERT INTO room(room_id, encrypted) VALUES ('!new', 1)");
        finished(store);
        run(store, "UPDATE member SET room_id = '!new'");
        assert_err(add_help(store, 1), 1);
        assert_ok(room_help_sent(store->database, "!home", "$late")); /* which is no room of ours now */
        finished(store);
}

/* One that the homeserver refuses is not pinned. */
static void test_refused(void **state)
{
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store, 1), 1);
        assert_ok(room_help_sent(store->database, "!home", NULL));
        finished(store);
}

/* ---- the session */

static void expect_pins(Chat *chat, const char *const *expected)
{
        _cleanup_(json_freep) cJSON *content = homeserver_http_pins(chat->server, ROOM, NULL);
        const cJSON *pin;

        cJSON_ArrayForEach(pin, object_array(content, "pinned"))
                assert_string_equal(pin->valuestring, strempty(*expected++));
        assert_null(*expected);
}

/* The answer to a pin is lost, and people change the pins, before it is repeated: what they did stays. */
static void test_lost_answer(void **state)
{
        for (int kept = 0; kept < 2; kept++) {
                _cleanup_(freep) char *help = NULL;
                cJSON *pins = NULL;
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat_pin(chat);
                chat->lose_pins = 1;
                chat->broken = "/state/"; /* the server limits it first */
                chat->breaks = (Answer){ .status = 429, .body = (char *) "{}" };
                chat->n_broken = 1;
                assert_ok(query_run(chat->database,
                                    "INSERT INTO chat_room(kind, name, alias, room_id)"
                                    " VALUES (2, 'home', 'dev-home', '" ROOM "')",
                                    ""));
                assert_ok(query_run(chat->database,
                                    "INSERT INTO chat_member(room, user_id, state)"
                                    " VALUES (1, '" ANA "', 1)",
                                    ""));
                session_send(chat->session);
                CHAT_UNTIL(chat, chat->n_broken == 0);
                peer_say(chat->ana, ROOM, "!first"); /* after its receipt, it is tried again */
                CHAT_UNTIL(chat, chat->n_pins == 1);
                assert_int_equal(query_text(chat->database, &help, "SELECT pin FROM chat_room", ""), 1);
                assert_ok(json_pack(&pins, "{pinned:[s,s]}", kept ? help : "$a", kept ? "$a" : "$b"));
                room_state(chat->server, ROOM, "m.room.pinned_events", "", pins);
                peer_say(chat->ana, ROOM, "!second");
                CHAT_UNTIL(chat, chat_count(chat, "SELECT pin IS NULL FROM chat_room"));
                assert_int_equal(chat->n_pins, kept ? 1 : 2);
                expect_pins(chat, kept ? (const char *[]){ help, "$a", NULL }
                                       : (const char *[]){ "$a", "$b", help, NULL });
                assert_int_equal(chat_down(state), 0);
        }
}

#define store_test(function) cmocka_unit_test_setup_teardown(function, test_store_up, test_store_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                store_test(test_added),
                store_test(test_added_again),
                store_test(test_added_for_many),
                store_test(test_clock_set_back),
                store_test(test_pins),
                store_test(test_pinned_again),
                store_test(test_replaced),
                store_test(test_refused),
                cmocka_unit_test(test_lost_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
