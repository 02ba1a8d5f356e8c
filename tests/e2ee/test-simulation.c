/* SPDX-License-Identifier: MIT */
/* Clients that talk through a server while everything goes wrong that can: lost and doubled and reordered
 * messages, and a power cut at every commit. Nothing may stay unreadable, and nothing be read twice. */

#include "homeserver.h"

#include <stdio.h>

#include "test.h"

static void test_a_conversation(void **state)
{
        _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(1);
        Peer *bot = peer_new(server, "@bot:x", "BOT"), *ana = peer_new(server, "@ana:x", "PHONE");

        room_create(server, "!r:x", NULL);
        room_member(server, "!r:x", "@bot:x", "join");
        room_member(server, "!r:x", "@ana:x", "join");
        settle(server);
        assert_int_equal(e2ee_is_ready(bot->e2ee), 1);

        peer_say(ana, "!r:x", "hello");
        peer_say(bot, "!r:x", "and to you");
        settle(server);
        assert_int_equal(peer_heard(bot, "@ana:x", "hello"), 1);
        assert_int_equal(peer_heard(ana, "@bot:x", "and to you"), 1);
        assert_int_equal(peer_trust_of_message(bot, "hello"), DEVICE_TRUST_SIGNED);
        assert_int_equal(peer_parked(bot) + peer_parked(ana), 0);
}

typedef struct Storm {
        Homeserver *server;
        Peer *peers[3];
        unsigned n_said;
} Storm;

static void say_round(Storm *storm, unsigned round)
{
        for (size_t i = 0; i < ELEMENTSOF(storm->peers); i++) {
                char text[32];

                (void) snprintf(text, sizeof text, "%u from %zu", round, i);
                peer_say(storm->peers[i], "!r:x", text);
        }
        storm->n_said++;
}

static void assert_all_heard(Storm *storm)
{
        for (unsigned round = 0; round < storm->n_said; round++)
                for (size_t i = 0; i < ELEMENTSOF(storm->peers); i++) {
                        char text[32];

                        (void) snprintf(text, sizeof text, "%u from %zu", round, i);
                        for (size_t k = 0; k < ELEMENTSOF(storm->peers); k++)
                                if (peer_heard(storm->peers[k], NULL, text) != 1)
                                        fail_msg("%s heard \"%s\" %u times, %u parked",
                                                 storm->peers[k]->user_id, text,
                                                 peer_heard(storm->peers[k], NULL, text),
                                                 peer_parked(storm->peers[k]));
                }
}

static void test_everything_goes_wrong(void **state)
{
        unsigned n_crashes = 0;

        for (uint64_t seed = 1; seed <= 4; seed++) {
                _cleanup_(homeserver_freep) Homeserver *server = homeserver_new(seed * 0x9e3779b97f4a7c15);
                Storm storm = { .server = server };

                storm.peers[0] = peer_new(server, "@bot:x", "BOT");
                storm.peers[1] = peer_new(server, "@ana:x", "PHONE");
                storm.peers[2] = peer_new(server, "@eva:x", "TABLET");
                room_create(server, "!r:x", NULL);
                room_member(server, "!r:x", "@bot:x", "join");
                room_member(server, "!r:x", "@ana:x", "join");
                room_member(server, "!r:x", "@eva:x", "join");
                settle(server);
                server->n_crashes = 0;
                server->fault_percent = (unsigned) (10 * seed);
                for (unsigned round = 0; round < 6; round++) {
                        say_round(&storm, round);
                        settle(server);
                }
                server->fault_percent = 0;
                settle(server);
                assert_all_heard(&storm);
                for (size_t i = 0; i < server->n_peers; i++)
                        assert_int_equal(e2ee_is_ready(server->peers[i]->e2ee), 1);
                n_crashes += server->n_crashes;
        }
        assert_true(n_crashes > 500);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_conversation),
                cmocka_unit_test(test_everything_goes_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
