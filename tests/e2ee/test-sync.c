/* SPDX-License-Identifier: MIT */
/* Sync responses: hostile ones, events that cannot be processed, and the order inside one. */

#include "e2ee/sync.h"

#include <stdio.h>

#include "e2ee/e2ee-internal.h"
#include "homeserver.h"

#include "test.h"

#define ROOM "!r:x"

/* Nothing in a response may be of the wrong type and do harm. */
static void test_hostile_responses(void **state)
{
        static const char *const rows[] = {
                "{}",
                "[]",
                "null",
                "7",
                "\"x\"",
                "{\"next_batch\":7,\"device_lists\":[],\"to_device\":7,\"rooms\":\"x\"}",
                "{\"device_lists\":{\"changed\":[1,null,{},[]],\"left\":{}},\"to_device\":{\"events\":[1,{},"
                "[]]}}",
                "{\"to_device\":{\"events\":[{\"type\":\"m.room.encrypted\"},{\"type\":\"m.room.encrypted\","
                "\"sender\":\"@a:x\",\"content\":7},{\"type\":\"m.room.encrypted\",\"sender\":\"@a:x\","
                "\"content\":{"
                "\"algorithm\":\"m.olm.v1.curve25519-aes-sha2\",\"sender_key\":\"\",\"ciphertext\":[]}}]}}",
                "{\"to_device\":{\"events\":[{\"type\":\"m.room_key_request\",\"sender\":1,\"content\":{}},"
                "{\"type\":\"m.room_key.withheld\",\"sender\":\"@a:x\",\"content\":{\"code\":{}}},"
                "{\"type\":\"m.key.verification.request\",\"sender\":\"@a:x\",\"content\":{\"methods\":[1]}}"
                ","
                "{\"type\":\"m.key.verification.start\",\"sender\":\"@a:x\",\"content\":{\"transaction_id\":"
                "7}}]}}",
                "{\"device_one_time_keys_count\":{\"signed_curve25519\":-1},\"device_unused_fallback_key_"
                "types\":[7]}",
                "{\"device_one_time_keys_count\":{\"signed_curve25519\":1e300}}",
                "{\"rooms\":{\"join\":{\"!a:x\":7,\"!b:x\":{\"state\":[],\"timeline\":{\"events\":[{"
                "\"type\":"
                "\"m.room.member\",\"state_key\":\"\",\"content\":{\"membership\":7}},{\"type\":\"m.room."
                "encryption\","
                "\"state_key\":\"\",\"content\":{\"rotation_period_msgs\":{}}}]}}}}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(3);
                Peer *bot = peer_new(server, "@bot:x", "BOT");
                _cleanup_(json_freep) cJSON *sync = tree_parse(rows[i]);
                E2eeFault fault;

                assert_ok(e2ee_receive_sync(bot->e2ee, sync));
                settle(server);
                assert_int_equal(e2ee_is_ready(bot->e2ee), 1);
                assert_ok(e2ee_fault(bot->e2ee, &fault));
                assert_int_equal(fault, E2EE_FAULT_NONE);
        }
}

/* Rows that a part of the processing cannot store. */
static void fail_at(Peer *peer, const char *table, const char *column)
{
        char sql[256];

        (void) snprintf(sql, sizeof sql,
                        "CREATE TEMP TRIGGER bad_%s BEFORE INSERT ON %s WHEN NEW.%s = '@bad:x' BEGIN"
                        " SELECT RAISE(ABORT, ''); END",
                        table, table, column);
        assert_ok(database_run(peer->database, sql));
}

static unsigned count_skipped(Peer *peer, const char *part)
{
        int64_t n = 0;

        assert_ok(
                query_integer(peer->database, &n, "SELECT count(*) FROM poison WHERE part = ?", "t", part));
        return (unsigned) n;
}

/* In each part of a response, what fails is skipped, and what surrounds it is processed. */
static void test_events_that_fail(void **state)
{
        static const char *const withheld[] = { "!a", "@bad:x", "!b" };
        _cleanup_(e2ee_world_done) E2eeWorld world;
        cJSON *event;

        e2ee_world_init(&world);
        peer_say(world.ana, ROOM, "hello");
        world.bot->offline = true;
        settle(world.server);
        for (size_t i = ELEMENTSOF(withheld); i-- > 0;) {
                assert_ok(json_pack(&event,
                                    "{type:s,sender:s,content:{algorithm:s,code:s,room_id:s,session_id:s}}",
                                    "m.room_key.withheld", "@eve:x", ALGORITHM_MEGOLM, "m.unverified",
                                    withheld[i], "S"));
                assert_true(cJSON_InsertItemInArray(tree_array(world.bot->queue, "to_device"), 0, event));
        }
        room_member(world.server, ROOM, "@bad:x", "join");
        room_member(world.server, ROOM, "@cat:x", "join");
        fail_at(world.bot, "withheld", "room_id");
        fail_at(world.bot, "member", "user_id");
        world.bot->offline = false;
        settle(world.server);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM withheld"), 2);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM member WHERE user_id = '@cat:x'"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM member WHERE user_id = '@bad:x'"), 0);
        assert_int_equal(count_skipped(world.bot, "to-device"), 1);
        assert_int_equal(count_skipped(world.bot, "room-state"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM poison"), 2);
}

/* A user's list that cannot be processed leaves the others alone, and is queried again. */
static void test_a_list_that_fails(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;

        e2ee_world_init(&world);
        (void) peer_new(world.server, "@bad:x", "BAD");
        (void) peer_new(world.server, "@cat:x", "CAT");
        world.bot->offline = true;
        settle(world.server);
        room_member(world.server, ROOM, "@bad:x", "join");
        room_member(world.server, ROOM, "@cat:x", "join");
        fail_at(world.bot, "device", "user_id");
        world.bot->offline = false;
        settle(world.server);
        assert_int_equal(count_skipped(world.bot, "device-list"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM device WHERE user_id = '@cat:x'"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT dirty FROM identity WHERE user_id = '@cat:x'"), 0);
        assert_int_equal(peer_count(world.bot, "SELECT dirty FROM identity WHERE user_id = '@bad:x'"), 1);
        assert_ok(database_run(world.bot->database, "DROP TRIGGER bad_device"));
        world.server->now_ms += MS_PER_HOUR;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT dirty FROM identity WHERE user_id = '@bad:x'"), 0);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM device WHERE user_id = '@bad:x'"), 1);
}

/* A transaction that is rolled back leaves nothing behind, neither in the store nor in memory. */
static void test_rollback(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(3);
        Peer *bot = peer_new(server, "@bot:x", "BOT"), *ana = peer_new(server, "@ana:x", "PHONE");

        room_create(server, ROOM, NULL);
        room_member(server, ROOM, "@bot:x", "join");
        room_member(server, ROOM, "@ana:x", "join");
        settle(server);
        for (int i = 0; i < 20; i++) {
                server->fault_percent = 0;
                peer_say(ana, ROOM, "hello");
                bot->offline = true;
                settle(server);
                bot->offline = false;
                server->fault_percent = 100; /* the power goes at every commit */
                assert_false(peer_sync(bot));
                assert_int_equal(peer_heard(bot, "@ana:x", "hello"), i);
                server->fault_percent = 0;
                settle(server);
                assert_int_equal(peer_heard(bot, "@ana:x", "hello"), i + 1);
        }
        assert_int_equal(bot->n_replays + bot->n_rejected, 0);
        assert_int_equal(peer_count(bot, "SELECT count(*) FROM olm_peer WHERE unwedged_ms NOT NULL"), 0);
}

static void test_what_is_old_is_forgotten(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(3);
        Peer *bot = peer_new(server, "@bot:x", "BOT");
        int64_t month = 30 * 24 * MS_PER_HOUR;

        for (int i = 0; i < 2; i++) {
                int64_t at = server->now_ms - month - i;

                assert_ok(query_run(bot->e2ee->database, "INSERT INTO olm_hash(hash, seen_ms) VALUES (?, ?)",
                                    "bi", BYTES_OF(at), at));
                assert_ok(query_run(
                        bot->e2ee->database,
                        "INSERT INTO parked(event_id, room_id, session_id, sender, event, parked_ms) "
                        "VALUES (?, '', '', '', '', ?)",
                        "ti", i == 0 ? "$new" : "$old", at));
        }
        peer_close(bot);
        peer_open(bot);
        assert_int_equal(peer_count(bot, "SELECT count(*) FROM olm_hash"), 1);
        assert_int_equal(peer_parked(bot), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hostile_responses),        cmocka_unit_test(test_events_that_fail),
                cmocka_unit_test(test_a_list_that_fails),        cmocka_unit_test(test_rollback),
                cmocka_unit_test(test_what_is_old_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
