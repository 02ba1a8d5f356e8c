/* SPDX-License-Identifier: MIT */
/* Olm between devices: wedged sessions heal, replays do nothing, and no device poses as another. */

#include "e2ee/channel.h"

#include "e2ee/device.h"
#include "homeserver.h"

#include "test.h"

static int64_t dummies(E2eeWorld *world)
{
        return peer_count(world->bot, "SELECT count(*) FROM olm_peer WHERE unwedged_ms NOT NULL");
}

/* Ana's client goes back to an older store: what it sends was sent before, so the bot makes a new session.
 */
static void test_a_wedged_session_heals(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        peer_say(world.bot, "!r:x", "first");
        peer_say(world.ana, "!r:x", "one");
        settle(world.server);
        peer_keep_store(world.ana);
        for (int i = 0; i < 3; i++) {
                assert_ok(query_run(world.ana->e2ee->database, "UPDATE room SET rotate = 1", ""));
                peer_say(world.ana, "!r:x", "two");
                settle(world.server);
        }
        assert_int_equal(peer_heard(world.bot, "@ana:x", "two"), 3);
        peer_restore_store(world.ana);
        assert_ok(query_run(world.ana->e2ee->database, "UPDATE room SET rotate = 1", ""));
        peer_say(world.ana, "!r:x", "three");
        settle(world.server);
        assert_int_equal(dummies(&world), 1);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "three"), 1);
        assert_int_equal(peer_parked(world.bot), 0);
}

static void send_garbage(E2eeWorld *world, const char *body)
{
        cJSON *event = NULL;

        assert_ok(json_pack(
                &event,
                "{type:s,sender:s,content:{algorithm:s,sender_key:s,ciphertext:{*:{type:i,body:s}}}}",
                "m.room.encrypted", "@ana:x", ALGORITHM_OLM, e2ee_curve25519(world->ana->e2ee),
                e2ee_curve25519(world->bot->e2ee), INT64_C(1), body));
        homeserver_to_device(world->server, world->bot, event);
        settle(world->server);
}

/* There never was a session; at most one new session an hour, whatever is received. */
static void test_unwedging_without_a_session(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);
        const char *sessions = "SELECT count(*) FROM olm_session";
        int64_t before = peer_count(world.bot, sessions);

        send_garbage(&world, "AwogAAAA");
        assert_int_equal(peer_count(world.bot, sessions), before + 1);
        assert_int_equal(peer_count(world.ana, sessions), 1);
        for (int i = 0; i < 5; i++)
                send_garbage(&world, i & 1 ? "AwogAAAB" : "!");
        assert_int_equal(peer_count(world.bot, sessions), before + 1);
        world.server->now_ms += MS_PER_HOUR + 1;
        send_garbage(&world, "AwogAAAC");
        assert_int_equal(peer_count(world.bot, sessions), before + 2);
}

/* The event that the server delivers again is known, and wedges nothing. */
static void test_replays(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        peer_say(world.ana, "!r:x", "hello");
        world.bot->offline = true;
        settle(world.server);
        _cleanup_(json_freep) cJSON *copy = cJSON_Duplicate(tree_array(world.bot->queue, "to_device"), true);
        assert_true(cJSON_GetArraySize(copy) > 0);
        world.bot->offline = false;
        settle(world.server);

        cJSON *event;
        cJSON_ArrayForEach(event, copy)
                homeserver_to_device(world.server, world.bot, cJSON_Duplicate(event, true));
        settle(world.server);
        assert_int_equal(dummies(&world), 0);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM megolm_in"), 1);
}

/* The queue has messages of Ana: with another sender, or for another recipient. */
static void test_a_spoofed_sender(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        peer_say(world.ana, "!r:x", "hello");
        world.bot->offline = true;
        settle(world.server);
        cJSON *event;
        cJSON_ArrayForEach(event, tree_array(world.bot->queue, "to_device"))
                assert_ok(object_put_string(event, "sender", "@eve:x"));
        world.bot->offline = false;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM megolm_in"), 0);
        assert_int_equal(peer_heard(world.bot, NULL, "hello"), 0);
}

static void send_as_ana(E2eeWorld *world, const Device *to, const char *type, cJSON *content)
{
        cJSON *encrypted = NULL, *event = NULL;

        assert_err(channel_encrypt(world->ana->e2ee, to, type, content, &encrypted), 1);
        cJSON_Delete(content);
        assert_ok(json_pack(&event, "{type:s,sender:s,content:o}", "m.room.encrypted", "@ana:x", encrypted));
        homeserver_to_device(world->server, world->bot, event);
        settle(world->server);
}

/* The recipient in a payload must be the actual one, and keys that were passed on do not count. */
static void test_recipients(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        _cleanup_(device_done) Device bot = DEVICE_NULL;
        _cleanup_(freep) char *key = NULL;
        e2ee_world_init(&world);

        peer_say(world.ana, "!r:x", "hello");
        settle(world.server);
        assert_err(device_by_key(world.ana->e2ee, "@bot:x", e2ee_curve25519(world.bot->e2ee), &bot), 1);
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
        char session_id[ED25519_TEXT_SIZE];

        for (int i = 0; i < 4; i++) {
                Device to = bot;
                cJSON *content = NULL;
                int64_t before = peer_count(world.bot, "SELECT count(*) FROM megolm_in");

                outbound = ratchet_outbound_free(outbound);
                free(TAKE_PTR(key));
                assert_ok(ratchet_outbound_new(&outbound));
                assert_ok(ratchet_outbound_key(outbound, &key));
                assert_ok(ratchet_outbound_id(outbound, session_id));
                to.user_id = i == 1 ? (char *) "@eve:x" : bot.user_id;
                to.ed25519 = i == 2 ? (char *) e2ee_ed25519(world.ana->e2ee) : bot.ed25519;
                assert_ok(json_pack(&content, "{algorithm:s,room_id:s,session_id:s,session_key:s}",
                                    ALGORITHM_MEGOLM, "!r:x", session_id, key));
                send_as_ana(&world, &to, i == 3 ? "m.forwarded_room_key" : "m.room_key", content);
                assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM megolm_in"),
                                 i == 0 ? before + 1 : before);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_wedged_session_heals),
                cmocka_unit_test(test_unwedging_without_a_session),
                cmocka_unit_test(test_replays),
                cmocka_unit_test(test_a_spoofed_sender),
                cmocka_unit_test(test_recipients),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
