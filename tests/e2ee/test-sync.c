/* SPDX-License-Identifier: MIT */
/* Sync responses: hostile ones, events that crash the process, and the order inside one. */

#include "e2ee/sync.h"

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

                assert_ok(e2ee_begin_sync(bot->e2ee, sync));
                assert_ok(e2ee_receive_sync(bot->e2ee, sync));
                settle(server);
                assert_int_equal(e2ee_is_ready(bot->e2ee), 1);
                assert_ok(e2ee_fault(bot->e2ee, &fault));
                assert_int_equal(fault, E2EE_FAULT_NONE);
        }
}

/* The process crashes twice in one response: the third time the events are taken one by one, and the fourth
 * time the one that crashed it is skipped. */
static void test_an_event_that_kills(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(3);
        Peer *bot = peer_new(server, "@bot:x", "BOT"), *ana = peer_new(server, "@ana:x", "PHONE");

        room_create(server, ROOM, NULL);
        room_member(server, ROOM, "@bot:x", "join");
        room_member(server, ROOM, "@ana:x", "join");
        settle(server);
        peer_say(ana, ROOM, "hello");
        bot->offline = true;
        settle(server);
        cJSON *killer = tree_parse("{\"type\":\"m.killer\",\"sender\":\"@eve:x\",\"content\":{}}");
        char text[6000];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        assert_ok(object_put_string(tree_member(killer, "content"), "x", text));
        assert_true(cJSON_InsertItemInArray(tree_array(bot->queue, "to_device"), 0, killer));

        _cleanup_(json_freep) cJSON *none = tree_parse("{}"),
                                    *some = tree_parse("{\"to_device\":{\"events\":[{}]}}");
        assert_ok(e2ee_begin_sync(bot->e2ee, some));
        assert_ok(e2ee_begin_sync(bot->e2ee, none)); /* has none that could */
        peer_close(bot);
        peer_open(bot);
        assert_ok(e2ee_begin_sync(bot->e2ee, some));
        /* it crashed in the third attempt, at the first event */
        assert_ok(database_run(bot->database, "UPDATE account SET sync_position = 0"));
        peer_close(bot);
        peer_open(bot);
        bot->offline = false;
        assert_ok(database_run(bot->database,
                               "INSERT INTO poison(at_ms, event, error) WITH RECURSIVE n(i) AS"
                               " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
                               " SELECT i, '{}', 0 FROM n"));
        settle(server);
        assert_int_equal(peer_count(bot, "SELECT count(*) FROM poison"), 1000); /* the newest */
        assert_int_equal(peer_count(bot, "SELECT event LIKE '%m.killer%' FROM poison ORDER BY id DESC"), 1);
        assert_int_equal(peer_count(bot, "SELECT max(length(event)) FROM poison"), 4096);
        assert_int_equal(peer_heard(bot, "@ana:x", "hello"), 1);
        assert_int_equal(peer_count(bot, "SELECT sync_attempts FROM account"), 0);
        assert_int_equal(peer_count(bot, "SELECT sync_position IS NULL FROM account"), 1);
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
                cmocka_unit_test(test_hostile_responses),
                cmocka_unit_test(test_an_event_that_kills),
                cmocka_unit_test(test_rollback),
                cmocka_unit_test(test_what_is_old_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
