/* SPDX-License-Identifier: MIT */
/* What a homeserver or a member without rights makes of a conversation: nothing runs, and whoever belongs
 * there learns why. */

#include <stdio.h>
#include <time.h>

#include "chat-world.h"
#include "run-calls.h"

#define EVE     "@eve:x"
#define COMMAND "!exec ls -- /home"

static unsigned count_requests(const ChatWorld *world)
{
        sd_bus_message *call = new_dispatch_call(world->run, "ListRequests");
        unsigned n = 0;

        assert_ok(sd_bus_message_append(call, "bu", 0, 100));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->run->client, call, NULL);
        assert_ok(sd_bus_message_enter_container(reply, 'a', "a{sv}"));
        while (sd_bus_message_at_end(reply, false) == 0) {
                assert_ok(sd_bus_message_skip(reply, "a{sv}"));
                n++;
        }
        return n;
}

/* What was done has no effect on what is asked for next, and is not a request itself. */
static void expect_nothing_ran(ChatWorld *world)
{
        assert_int_equal(count_requests(world), 0);
        peer_say(world->ana, ROOM, COMMAND);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        assert_int_equal(count_requests(world), 1);
        verify_chain(world->run->ledger);
}

static void say_in_clear(ChatWorld *world, const char *sender, const char *type, const char *body)
{
        cJSON *event = NULL;

        assert_ok(json_pack(&event, "{type:s,sender:s,content:{msgtype:s,body:s}}", type, sender, "m.text",
                            body));
        (void) room_event(world->server, ROOM, event);
}

static void test_plaintext(void **state)
{
        ChatWorld *world = *state;

        say_in_clear(world, ANA, "m.room.message", COMMAND);
        say_in_clear(world, BOT, "m.room.message", COMMAND);
        say_in_clear(world, ANA, "org.example.message", COMMAND);
        CHAT_UNTIL(world, chat_read(world, "Commands are accepted only encrypted.%") == 1);
        expect_nothing_ran(world);
        assert_int_equal(chat_read(world, "Commands are accepted only encrypted.%"), 1);
}

/* The homeserver lets her in, with devices that she has signed. She reads nothing, and gets no answer. */
static void test_member_without_rights(void **state)
{
        ChatWorld *world = *state;
        Peer *eve;

        room_member(world->server, ROOM, EVE, "join");
        room_member(world->server, APPROVALS, EVE, "join");
        eve = peer_new(world->server, EVE, "EVE");
        CHAT_UNTIL(world,
                   peer_count(eve, "SELECT count(*) FROM device WHERE user_id = '" BOT "' AND signed") == 1);
        for (int i = 0; i < 3; i++) {
                peer_say(eve, ROOM, COMMAND);
                peer_say(eve, APPROVALS, "!approve 000000");
                say_in_clear(world, EVE, "m.room.message", COMMAND);
        }
        CHAT_UNTIL(world, chat_read(world, EVE " in #dev-dev-a is named by no manifest there%") == 1 &&
                                  chat_read(world, EVE " in #operator-approvals is named by no%") == 1);
        expect_nothing_ran(world);
        assert_int_equal(peer_count(eve, "SELECT count(*) FROM heard WHERE sender = '" BOT "'"), 0);
        assert_int_equal(chat_read(world, EVE "%"), 2);
        assert_int_equal(chat_read(world, "%only encrypted%"), 0);
}

/* Ana's encrypted command, before devbox-matrix has it. Borrowed from what it gets next. */
static cJSON *intercept(ChatWorld *world)
{
        kill_matrix(world);
        peer_say(world->ana, ROOM, COMMAND);
        settle(world->server);

        cJSON *events = tree_member(tree_member(tree_member(world->bot->queue, "rooms"), ROOM), "events");
        return cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
}

static void test_edit(void **state)
{
        ChatWorld *world = *state;
        cJSON *relation = NULL;

        assert_ok(json_pack(&relation, "{rel_type:s,event_id:s}", "m.replace", "$1"));
        assert_ok(object_put(tree_member(intercept(world), "content"), "m.relates_to", relation));
        start_matrix(world);
        CHAT_UNTIL(world, chat_read(world, "Edited commands are ignored%") == 1);
        expect_nothing_ran(world);
}

/* Ana's other session, which she has not signed, and which is no client of ours: it writes nevertheless.
 * Only her first one can read why nothing happens; at first, that the bot does not know the session yet. */
static void test_unsigned_session(void **state)
{
        static const char *const rooms[] = { ROOM, APPROVALS };
        static const char unsigned_session[] =
                "This session is not verified. In Element: Settings, Sessions, "
                "Verify; then send the command again.";
        ChatWorld *world = *state;
        Peer *other = peer_new(world->server, ANA, "OTHER");

        CHAT_UNTIL(world, peer_count(other, "SELECT fault FROM account") == E2EE_FAULT_FOREIGN_IDENTITY &&
                                  peer_count(other, "SELECT count(*) FROM device WHERE user_id = '" BOT
                                                    "' AND signed") == 1);
        assert_ok(database_run(other->database, "UPDATE account SET fault = 0, identity_state = 3"));
        for (unsigned i = 0; i < ELEMENTSOF(rooms); i++)
                for (unsigned n = 1; chat_read(world, unsigned_session) == i; n++) {
                        unsigned before = chat_read(world, "This session is not %");

                        assert_true(n < 100);
                        peer_say(other, rooms[i], i == 0 ? COMMAND : "!approve 000000");
                        CHAT_UNTIL(world, chat_read(world, "This session is not %") == before + 1);
                }
        expect_nothing_ran(world);
        assert_int_equal(peer_count(other, "SELECT count(*) FROM heard WHERE sender = '" BOT "'"), 0);
}

/* Encrypted, and signed, as those of bots are. */
static void test_notice(void **state)
{
        ChatWorld *world = *state;
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(json_freep) cJSON *content = NULL, *encrypted = NULL;
        _cleanup_(freep) char *text = NULL;

        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_ok(json_pack(&content, "{msgtype:s,body:s}", "m.notice", COMMAND));
        assert_ok(transaction_begin(world->ana->database, &transaction));
        const RoomMessage message = { .room_id = ROOM, .type = "m.room.message", .content = content };
        assert_ok(e2ee_encrypt(world->ana->e2ee, &message, &encrypted));
        assert_ok(transaction_commit(&transaction));
        assert_ok(canonical_json(encrypted, false, &text));
        cJSON_Delete(homeserver_send(world->ana, ROOM, "notice", text));
        expect_nothing_ran(world);
}

/* Shown to us when we come back, with a key that we have. */
static void test_before_we_came(void **state)
{
        ChatWorld *world = *state;

        (void) intercept(world);
        say_in_clear(world, ANA, "m.room.message", COMMAND);
        settle(world->server);
        room_member(world->server, ROOM, BOT, "join");
        start_matrix(world);
        CHAT_UNTIL(world, chat_read(world, "This was written before this bot was in the room%") == 1);
        expect_nothing_ran(world);
        assert_int_equal(chat_read(world, "%only encrypted%"), 0);
}

static void test_old(void **state)
{
        ChatWorld *world = *state;

        assert_ok(object_put(intercept(world), "origin_server_ts",
                             cJSON_CreateNumber(((double) time(NULL) - 16 * 60) * 1000)));
        start_matrix(world);
        CHAT_UNTIL(world, chat_read(world, "This command is older than 15 minutes%") == 1);
        expect_nothing_ran(world);
}

/* The same ciphertext as another event, in another room and of another sender; also after a restart. */
static void test_replays(void **state)
{
        static const struct {
                const char *room_id, *sender;
        } rows[] = { { ROOM, ANA }, { APPROVALS, ANA }, { ROOM, EVE } };
        ChatWorld *world = *state;
        _cleanup_(json_freep) cJSON *event = cJSON_Duplicate(intercept(world), true);

        start_matrix(world);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        cJSON_DeleteItemFromObject(event, "event_id");
        for (int i = 0; i < 2; i++) {
                for (size_t j = 0; j < ELEMENTSOF(rows); j++) {
                        cJSON *replay = cJSON_Duplicate(event, true);

                        assert_ok(object_put_string(replay, "sender", rows[j].sender));
                        (void) room_event(world->server, rows[j].room_id, replay);
                }
                kill_matrix(world);
                start_matrix(world);
        }
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_int_equal(count_requests(world), 1);
        verify_chain(world->run->ledger);
}

/* Names that turn the direction of a text or hold markup address no device here, nor are they shown. */
static void test_names(void **state)
{
        static const struct {
                const char *type, *key, *content;
        } rows[] = {
                { "m.room.name", "", "{\"name\":\"dev-b\\u202e\\u0000<b>\\u001b[2J\"}" },
                { "m.room.topic", "", "{\"topic\":\"\\u2066!exec rm\"}" },
                { "m.room.canonical_alias", "", "{\"alias\":\"#dev-b:x\"}" },
                { "m.room.member", EVE, "{\"membership\":\"join\",\"displayname\":\"" ANA "\\u202e\"}" },
                { "m.room.name", "", "{\"name\":[[[[{}]]]]}" },
        };
        ChatWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                room_state(world->server, ROOM, rows[i].type, rows[i].key, tree_parse(rows[i].content));
        CHAT_UNTIL(world, chat_read(world, EVE " in #dev-dev-a is named by no manifest there%") == 1);
        expect_nothing_ran(world);
        assert_int_equal(chat_read(world, "%\xe2\x80\xae%"), 0);
        assert_int_equal(chat_read(world, "%\xe2\x81\xa6%"), 0);
}

#define test(function) chat_world_test(function)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(test_plaintext),      test(test_member_without_rights),
                test(test_edit),           test(test_old),
                test(test_notice),         test(test_unsigned_session),
                test(test_before_we_came), test(test_replays),
                test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
