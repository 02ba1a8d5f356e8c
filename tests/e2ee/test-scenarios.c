/* SPDX-License-Identifier: MIT */
/* Scenarios of other implementations' tests that belong to no one part of the core: tests/matrix/scenarios
 * has the whole list. */

#include "homeserver.h"

#include <stdio.h>

#include "e2ee/e2ee-internal.h"

#include "test.h"

static void rotate(Peer *peer)
{
        assert_ok(query_run(peer->database, "UPDATE room SET rotate = 1", ""));
}

static void say(Peer *peer, const char *text)
{
        peer_say(peer, WORLD_ROOM, text);
        settle(peer->server);
}

/* A server gives 100 of them in a response. They are read in their order: a key that overtook another would
 * wedge the session. */
static void test_to_device_backlog(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        world.bot->offline = true;
        for (int i = 0; i < 250; i++) {
                char text[16];

                (void) snprintf(text, sizeof text, "%d", i);
                rotate(world.ana);
                say(world.ana, text);
        }
        assert_true(cJSON_GetArraySize(tree_array(world.bot->queue, "to_device")) >= 250);
        world.bot->offline = false;
        settle(world.server);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM heard"), 250);
        assert_int_equal(peer_count(world.bot, "SELECT count(*) FROM olm_peer WHERE unwedged_ms NOT NULL"),
                         0);
}

static void test_to_device_while_key_queries_fail(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        world.bot->offline = true;
        say(world.ana, "hello");
        world.server->failing = "x";
        homeserver_changed(world.server, "@ana:x");
        world.bot->offline = false;
        settle(world.server);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "hello"), 1);
        assert_int_equal(peer_count(world.bot, "SELECT dirty FROM identity WHERE user_id = '@ana:x'"), 1);
}

/* All devices that get the key are in one request. */
static void test_to_device_batched(void **state)
{
        static const char *const users[] = { "@ben:x", "@eva:x", "@ian:x", "@leo:x" };
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        for (size_t i = 0; i < ELEMENTSOF(users); i++) {
                (void) peer_new(world.server, users[i], "PHONE");
                room_member(world.server, WORLD_ROOM, users[i], "join");
        }
        settle(world.server);
        say(world.bot, "one");
        rotate(world.bot);
        int before = cJSON_GetArraySize(world.server->seen);
        say(world.bot, "two");
        assert_int_equal(cJSON_GetArraySize(world.server->seen), before + 2); /* the keys, the event */
        assert_int_equal(
                peer_count(world.bot, "SELECT count(*) FROM megolm_share GROUP BY session_id LIMIT 1"), 5);
}

static void test_new_device_reads_from_then_on(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        say(world.bot, "before");
        Peer *tablet = peer_new(world.server, "@ana:x", "TABLET");
        settle(world.server);
        /* her phone signs it */
        assert_ok(query_run(world.bot->database, "UPDATE device SET signed = 1", ""));
        say(world.bot, "after");
        assert_int_equal(peer_heard(tablet, "@bot:x", "before"), 0);
        assert_int_equal(peer_heard(tablet, "@bot:x", "after"), 1);
        assert_int_equal(peer_heard(world.ana, "@bot:x", "after"), 1);
}

/* What it writes at once is read as soon as the devices of its user are known. */
static void test_new_device_writes_at_once(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        world.bot->offline = true;
        say(world.ana, "at once");
        assert_ok(query_run(world.bot->database, "DELETE FROM device WHERE user_id = '@ana:x'", ""));
        homeserver_changed(world.server, "@ana:x");
        world.bot->offline = false;
        assert_true(peer_sync(world.bot));
        assert_int_equal(peer_heard(world.bot, "@ana:x", "at once"), 0);
        assert_int_equal(peer_parked(world.bot), 1);
        settle(world.server);
        assert_int_equal(peer_heard(world.bot, "@ana:x", "at once"), 1);
        assert_int_not_equal(peer_trust_of_message(world.bot, "at once"), DEVICE_TRUST_UNKNOWN);
        assert_int_equal(peer_parked(world.bot), 0);
}

/* What is said before they join is theirs to read, and nothing that was said before. */
static void test_invited_reads_from_invitation(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        e2ee_world_init(&world);

        say(world.bot, "before");
        room_member(world.server, WORLD_ROOM, "@ben:x", "invite");
        Peer *ben = peer_new(world.server, "@ben:x", "PHONE");
        settle(world.server);
        say(world.bot, "invited");
        room_member(world.server, WORLD_ROOM, "@ben:x", "join");
        say(world.bot, "joined");
        assert_int_equal(peer_heard(ben, "@bot:x", "before"), 0);
        assert_int_equal(peer_heard(ben, "@bot:x", "invited"), 1);
        assert_int_equal(peer_heard(ben, "@bot:x", "joined"), 1);
        assert_int_equal(peer_parked(ben), 0);
}

/* Between the invitation and the first message they begin anew, with another device and identity. */
static void test_device_changed_after_invite(void **state)
{
        _cleanup_(e2ee_world_done) E2eeWorld world;
        cJSON *kind;
        e2ee_world_init(&world);

        room_member(world.server, WORLD_ROOM, "@ben:x", "invite");
        Peer *before = peer_new(world.server, "@ben:x", "BEFORE");
        settle(world.server);
        say(world.bot, "one");
        before->offline = true;
        cJSON_ArrayForEach(kind, world.server->cross_signing)
                cJSON_DeleteItemFromObjectCaseSensitive(kind, "@ben:x");
        homeserver_logout(world.server, "@ben:x", "BEFORE");
        Peer *after = peer_new(world.server, "@ben:x", "AFTER");
        settle(world.server);
        room_member(world.server, WORLD_ROOM, "@ben:x", "join");
        say(world.bot, "two");
        assert_int_equal(peer_heard(after, "@bot:x", "one"), 0);
        assert_int_equal(peer_heard(after, "@bot:x", "two"), 1);

        before->offline = false;
        settle(world.server);
        assert_int_equal(peer_heard(before, "@bot:x", "one"), 1);
        assert_int_equal(peer_heard(before, "@bot:x", "two"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_to_device_backlog),
                cmocka_unit_test(test_to_device_while_key_queries_fail),
                cmocka_unit_test(test_to_device_batched),
                cmocka_unit_test(test_new_device_reads_from_then_on),
                cmocka_unit_test(test_new_device_writes_at_once),
                cmocka_unit_test(test_invited_reads_from_invitation),
                cmocka_unit_test(test_device_changed_after_invite),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
