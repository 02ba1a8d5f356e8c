/* SPDX-License-Identifier: MIT */
/* The pinned help: where, when and how often it is written and pinned. */

#include "matrix/room-help.h"

#include "e2ee/json.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

#define BOT "@bot:x"

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

/* As the sender does. */
static int add_help(TestStore *store)
{
        _cleanup_(freep) char *room_id = NULL;

        int r = assert_ok(room_queue_find_helpless(store->database, &room_id));
        if (r > 0)
                assert_ok(room_help_add(store->database, room_id));
        return r;
}

static void expect_outbox(TestStore *store, int64_t expected)
{
        int64_t n = -1;

        assert_int_equal(query_integer(store->database, &n,
                                       "SELECT count(*) FROM outbox AS o JOIN chat_room USING (room_id)"
                                       " WHERE type = 'm.room.message' AND owner_id = room_id"
                                       " AND content LIKE '%Write !help for %m.notice%'",
                                       ""),
                         1);
        assert_int_equal(n, expected);
}

/* Only where all who are there can read it. */
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
                { "UPDATE identity SET pinned = NULL WHERE user_id = '@ben:x'", 0 },
                { "DELETE FROM identity WHERE user_id = '@ben:x'", 0 },
                { "UPDATE identity SET pinned = NULL, master = NULL, dirty = 1 WHERE user_id = '@ben:x'",
                  0 },
                { "UPDATE identity SET pinned = NULL, master = NULL WHERE user_id = '@ben:x'", 1 },
                { "UPDATE identity SET pinned = NULL, master = NULL", 0 },
                { "UPDATE identity SET master = NULL, dirty = 1 WHERE user_id = '@ben:x'", 0 },
                { "UPDATE member SET membership = 'leave' WHERE user_id = '@ben:x'", 1 },
                { "DELETE FROM member WHERE user_id = '@ben:x'", 1 }, /* his invitation was refused */
                { "UPDATE chat_room SET helped = '!home'", 0 },
                { "UPDATE chat_room SET helped = '!before'", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                TestStore store;

                test_store_init(&store);
                add_room(&store);
                if (rows[i].change)
                        assert_ok(database_run(store.database, rows[i].change));
                assert_err(add_help(&store), rows[i].added);
                assert_err(add_help(&store), 0);
                expect_outbox(&store, rows[i].added);
                test_store_done(&store);
        }
}

static void expect_pin(TestStore *store, const char *target, const char *body, unsigned status)
{
        const MatrixReply reply = { .status = status };

        for (int i = 0; i < 2; i++) { /* an answer that is lost: the same is asked again */
                RoomRequest request;

                assert_int_equal(assert_ok(room_queue_next(store->database, BOT, 0, &request)), 1);
                assert_string_equal(request.method, "PUT");
                assert_string_equal(request.target, target);
                assert_string_equal(request.body, body);
                if (i == 1)
                        assert_ok(room_queue_answered(store->database, BOT, request.id, &reply));
                free(request.target);
                free(request.body);
        }
}

static void finished(TestStore *store)
{
        RoomRequest request;

        assert_err(room_queue_next(store->database, BOT, 0, &request), 0);
        assert_err(add_help(store), 0);
}

/* Once in each room, and once more in the one that takes its place. */
static void test_pinned(void **state)
{
        static const char target[] = "/_matrix/client/v3/rooms/%21home/state/m.room.pinned_events";
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store), 1);
        finished(store);
        assert_ok(room_help_sent(store->database, "!home", "$help"));
        expect_pin(store, target, "{\"pinned\":[\"$help\"]}", 200);
        finished(store);

        assert_ok(room_queue_replace(store->database, "!home", ""));
        assert_ok(database_run(store->database, "UPDATE chat_room SET room_id = '!new'"));
        assert_ok(database_run(store->database, "UPDATE chat_member SET state = 1"));
        assert_ok(database_run(store->database, "INSERT INTO room(room_id, encrypted) VALUES ('!new', 1)"));
        finished(store);
        assert_ok(database_run(store->database, "UPDATE member SET room_id = '!new'"));
        assert_err(add_help(store), 1);

        assert_ok(room_help_sent(store->database, "!home", "$late")); /* which is no room of ours now */
        finished(store);
        assert_ok(room_help_sent(store->database, "!new", "$new"));
        expect_pin(store, "/_matrix/client/v3/rooms/%21new/state/m.room.pinned_events",
                   "{\"pinned\":[\"$new\"]}", 403);
        finished(store);
}

/* A message of the room before is not pinned in the one after. */
static void test_replaced(void **state)
{
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store), 1);
        assert_ok(room_help_sent(store->database, "!home", "$help"));
        assert_ok(database_run(store->database, "UPDATE chat_room SET room_id = '!new'"));
        finished(store);
        assert_ok(database_run(store->database, "UPDATE room SET room_id = '!new'"));
        assert_ok(database_run(store->database, "UPDATE member SET room_id = '!new'"));
        assert_err(add_help(store), 1);
        finished(store);
}

/* One that the homeserver refuses is not pinned. */
static void test_refused(void **state)
{
        TestStore *store = *state;

        add_room(store);
        assert_err(add_help(store), 1);
        assert_ok(room_help_sent(store->database, "!home", NULL));
        finished(store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_added),
                cmocka_unit_test_setup_teardown(test_pinned, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_replaced, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_refused, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
