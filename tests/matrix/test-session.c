/* SPDX-License-Identifier: MIT */
/* Conversations, and what must not become one. */

#include "matrix/session.h"

#include <stdio.h>

#include "chat.h"
#include "e2ee/identity.h"
#include "homeserver-http.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store/query.h"
#include "test.h"

static void test_conversation(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(peer_trust_of_message(chat->ana, "hello"), DEVICE_TRUST_SIGNED);
        assert_int_equal(session_state(chat->session), SESSION_SYNCED);

        peer_say(chat->ana, ROOM, "!exec ls");
        peer_say(chat->ana, ROOM, "what a day!");
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 1);
        assert_int_equal(chat_count(chat, "SELECT line = '!exec ls' AND sender = '" ANA
                                          "' AND room_id = '" ROOM "' FROM command"),
                         1);
}

/* A command gets a receipt, and a reaction, which gives way to the next once its id is known. */
static void test_reaction(void **state)
{
        _cleanup_(freep) char *event_id = NULL;
        OutboxItem item = { .room_id = ROOM, .type = "m.reaction", .owner_kind = OUTBOX_STATUS };
        Chat *chat = *state;
        cJSON *content = NULL;

        chat_pin(chat);
        peer_say(chat->ana, ROOM, "!exec ls");
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 1);
        assert_ok(query_text(chat->database, &event_id, "SELECT event_id FROM command", ""));
        assert_ok(query_run(chat->database, "UPDATE command SET status = 'done', shown = 'runs'", ""));
        assert_ok(json_pack(&content, "{m.relates_to:{}}"));
        item.owner_id = event_id;
        assert_ok(outbox_put_take(chat->database, &item, content));
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(chat->n_receipts, 1);
        assert_true(chat->n_reactions == 2 && chat->n_redactions == 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command WHERE shown = 'done'"), 1);
}

/* Answers that are lost after they took effect, and a process that is killed at every step: each message is
 * heard once, each command is there once. */
static void test_lost_answers(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat->lose_every = 2;
        chat_say(chat, "one");
        chat_say(chat, "two");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "one") == 1 && peer_heard(chat->ana, BOT, "two") == 1);
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(cJSON_GetArraySize(chat->sent), 2);
        assert_true(chat->n_sends > 2);
        assert_int_equal(chat->ana->n_replays, 0);
}

/* An answer that was lost half a day ago: the server has forgotten the transaction id, and has the message
 * or not. Either way it is heard once. */
static void test_unknown_for_long(void **state)
{
        for (int arrived = 0; arrived < 2; arrived++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat_pin(chat);
                if (!arrived) {
                        chat->broken = "/send/";
                        chat->breaks = (Answer){ .how = ANSWER_DROP };
                        chat->n_broken = 1;
                }
                chat_say(chat, "one");
                CHAT_UNTIL(chat, chat->n_sends > 0 || (!arrived && chat->n_broken == 0));
                assert_int_equal(chat_count(chat, "SELECT encrypted FROM outbox"), 1);
                assert_ok(
                        database_run(chat->database, "UPDATE outbox SET turn_ms = turn_ms - 13 * 3600000"));
                chat_stop(chat);
                chat_start(chat);
                unsigned n_sends = chat->n_sends;
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "one") == 1);
                assert_int_equal(chat->n_sends - n_sends, arrived ? 0 : 1);
                assert_int_equal(chat->ana->n_replays, 0);
                assert_int_equal(chat_down(state), 0);
        }
}

static void test_crashes(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_say(chat, "one");
        peer_say(chat->ana, ROOM, "!status");
        for (int i = 0;
             peer_heard(chat->ana, BOT, "one") == 0 || chat_count(chat, "SELECT count(*) FROM command") == 0;
             i++) {
                assert_true(i < 2000);
                settle(chat->server);
                server_poke(&chat->web);
                for (int j = 0; j < i; j++) /* killed a little later each time */
                        assert_ok(sd_event_run(chat->event, 0));
                chat_stop(chat);
                chat_start(chat);
        }
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0);
        assert_int_equal(peer_heard(chat->ana, BOT, "one"), 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 1);
        assert_int_equal(chat->ana->n_replays, 0);
}

/* Ben is in the room of the approvals, and his device and the bot's know each other. */
static Peer *add_ben(Chat *chat)
{
        chat_add_approvals(chat);
        assert_ok(query_run(chat->database, "INSERT INTO person(device, user_id) VALUES ('home', '@ben:x')",
                            ""));
        assert_ok(query_run(chat->database,
                            "INSERT INTO chat_member(room, user_id, state) VALUES (1, '@ben:x', 1)", ""));
        room_member(chat->server, ROOM, "@ben:x", "join");
        Peer *ben = peer_new(chat->server, "@ben:x", "BEN");
        CHAT_UNTIL(chat, peer_count(ben, "SELECT count(*) FROM device WHERE user_id = '" BOT
                                         "' AND signed") == 1 &&
                                 chat_count(chat, "SELECT count(*) FROM device WHERE user_id = '@ben:x'"
                                                  " AND signed") == 1);
        return ben;
}

/* A person whom a manifest names and does not pin gets no keys, and all others learn why, until a manifest
 * does. */
static void test_unpinned(void **state)
{
        _cleanup_(freep) char *master = NULL;
        Chat *chat = *state;
        Peer *ben;

        chat_pin(chat);
        ben = add_ben(chat);
        for (int i = 0; i < 2; i++) {
                peer_say(ben, ROOM, "!exec ls");
                CHAT_UNTIL(chat,
                           peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                                 " 'Your identity is pinned in no manifest.%'") == i + 1);
        }
        assert_int_equal(peer_count(chat->ana,
                                    "SELECT count(*) FROM heard WHERE body LIKE"
                                    " '@ben:x cannot read what devbox writes: no manifest pins%'"),
                         1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
        assert_int_equal(peer_count(ben, "SELECT count(*) FROM heard WHERE sender = '" BOT "'"), 0);
        assert_int_equal(peer_count(ben, "SELECT count(*) FROM withheld WHERE code = 'm.unauthorised'"), 1);

        assert_int_equal(assert_ok(e2ee_identity(session_e2ee(chat->session), "@ben:x", &master)), 1);
        assert_ok(e2ee_pin_identity(session_e2ee(chat->session), "@ben:x", master));
        peer_say(ben, ROOM, "hello");
        CHAT_UNTIL(chat, peer_count(ben, "SELECT count(*) FROM heard WHERE body LIKE"
                                         " '%@ben:x was pinned by no manifest; that is over'") == 1);
}

/* Who has another identity than the pinned one is suspended, gets no keys, and all others learn of it. */
static void test_changed_identity(void **state)
{
        _cleanup_(freep) char *master = NULL;
        Chat *chat = *state;
        Peer *ben;

        chat_pin(chat);
        ben = add_ben(chat);
        CHAT_UNTIL(chat, assert_ok(e2ee_identity(session_e2ee(chat->session), "@ben:x", &master)) == 1);
        assert_ok(e2ee_pin_identity(session_e2ee(chat->session), "@ben:x",
                                    e2ee_ed25519(session_e2ee(chat->session))));
        peer_say(ben, ROOM, "!exec ls");
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                               " '@ben:x has another identity than %suspended%'") == 1);
        CHAT_UNTIL(chat,
                   peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE 'Your identity is not"
                                         " the one the operator has pinned: you are suspended%'") == 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
        assert_int_equal(peer_count(ben, "SELECT count(*) FROM heard WHERE sender = '" BOT "'"), 0);

        assert_ok(e2ee_pin_identity(session_e2ee(chat->session), "@ben:x", master));
        peer_say(ben, ROOM, "hello");
        CHAT_UNTIL(chat, peer_count(ben, "SELECT count(*) FROM heard WHERE body LIKE"
                                         " '%@ben:x had another identity than %that is over'") == 1);
}

#define CLEAR(msgtype, body, rest)                                                                          \
        "{\"type\":\"m.room.message\",\"sender\":\"@ana:x\",\"content\":{\"msgtype\":\"" msgtype            \
        "\",\"body\":\"" body "\"" rest "}}"
#define REPLY(body) CLEAR("m.text", body, ",\"formatted_body\":\"<mx-reply>…</mx-reply>\"")
#define RELATED     ",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$1\"}}"
#define ONLY_ENCRYPTED                                                                                      \
        "Commands are accepted only encrypted. Send it again with an app that encrypts, such as Element."

/* Events that look like commands, and what they are answered with. */
static void test_no_commands(void **state)
{
        static const struct {
                const char *event, *answer; /* NULL: none */
        } rows[] = {
                { CLEAR("m.text", "!exec ls", ""), ONLY_ENCRYPTED },
                { "{\"type\":\"m.room.message\",\"sender\":\"@bot:x\","
                  "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!exec ls\"}}",
                  NULL },
                { CLEAR("m.notice", "!exec ls", ""), NULL },
                { REPLY("> <@bot:x> waits\\n> long\\n\\n!approve 7KQ2PD"), ONLY_ENCRYPTED },
                { REPLY("> !approve 7KQ2PD"), NULL },
                { CLEAR("m.text", "> note\\n\\n!approve 7KQ2PD", RELATED), NULL },
                { "{\"type\":\"m.room.encrypted\",\"sender\":\"@ana:x\",\"content\":{}}", NULL },
                { "{\"type\":7,\"sender\":[],\"content\":3}", NULL },
        };
        Chat *chat = *state;

        chat_pin(chat);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned before = (unsigned) cJSON_GetArraySize(chat->sent);
                int64_t heard = peer_heard(chat->ana, BOT, strempty(rows[i].answer));

                (void) room_event(chat->server, ROOM, tree_parse(rows[i].event));
                chat_say(chat, "next");
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM outbox") == 0 &&
                                         !homeserver_http_has_news(chat->bot) &&
                                         !LIST_EMPTY(&chat->web.connections));
                assert_int_equal(cJSON_GetArraySize(chat->sent), before + (rows[i].answer ? 2 : 1));
                if (rows[i].answer)
                        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, rows[i].answer) == heard + 1);
        }
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
}

/* What cannot be read, or is no command, is answered with what to do next. */
static void test_next_steps(void **state)
{
        static const struct {
                const char *code, *answer; /* why the key is withheld; NULL: nobody says */
        } rows[] = {
                { NULL, "This message cannot be read here: your app has not sent its key. Send it again." },
                { "m.unverified",
                  "Your app does not send keys to this bot,%In Element: %send the command again." },
        };
        char line[5000] = "!";
        Chat *chat = *state;

        chat_pin(chat);
        memset(line + 1, 'x', sizeof line - 2);
        line[sizeof line - 1] = '\0';
        peer_say(chat->ana, ROOM, line);
        CHAT_UNTIL(chat, peer_count(chat->ana,
                                    "SELECT count(*) FROM heard WHERE body LIKE 'This command is"
                                    " longer than 4096 bytes and was not run. Send it in parts%'") == 1);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int64_t n = 0;

                assert_ok(query_run(chat->ana->database, "UPDATE room SET rotate = 1", ""));
                peer_say(chat->ana, ROOM, "!exec ls");
                settle(chat->server);
                cJSON_DeleteItemFromObjectCaseSensitive(chat->bot->queue, "to_device");
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM parked WHERE NOT explained") == 1);
                assert_ok(query_run(chat->database,
                                    "INSERT INTO withheld(room_id, session_id, code) SELECT room_id,"
                                    " session_id, ?1 FROM parked WHERE NOT explained AND ?1 NOT NULL",
                                    "t", rows[i].code));
                assert_ok(query_run(chat->database,
                                    "UPDATE parked SET parked_ms = parked_ms - 61000,"
                                    " request_id = 'asked'",
                                    ""));
                room_state(chat->server, ROOM, "m.room.topic", "", cJSON_CreateObject());
                while (n == 0) {
                        CHAT_UNTIL(chat, true);
                        settle(chat->server);
                        server_poke(&chat->web);
                        assert_ok(sd_event_run(chat->event, 1000));
                        assert_ok(query_integer(chat->ana->database, &n,
                                                "SELECT count(*) FROM heard WHERE body LIKE ?", "t",
                                                rows[i].answer));
                }
        }
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
}

/* Messages for rooms of others that are not encrypted are dropped, and hold up nothing else. */
static void test_clear_rooms(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        room_member(chat->server, "!clear:x", BOT, "join");
        room_member(chat->server, "!clear:x", ANA, "join");
        assert_ok(query_run(chat->database,
                            "INSERT INTO outbox(seq, room_id, type, content, txn_id, error)"
                            " VALUES (1, '!clear:x', 't', '{}', 'old', 'M_UNKNOWN'),"
                            " (10000, '!clear:x', 't', '{}', 'newer', 'M_UNKNOWN')",
                            ""));
        for (int i = 0; i < 50; i++)
                (void) room_event(chat->server, "!clear:x",
                                  tree_parse("{\"type\":\"m.room.message\",\"sender\":\"@ana:x\","
                                             "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!help\"}}"));
        CHAT_UNTIL(chat,
                   chat_count(chat, "SELECT count(*) FROM outbox WHERE error = 'M_NOT_ENCRYPTED'") > 0);
        chat_say(chat, "next");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "next") == 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM outbox WHERE error = 'M_NOT_ENCRYPTED'"),
                         50);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM outbox WHERE txn_id IN ('old', 'newer')"),
                         1);
}

/* After an absence: people learn that commands were missed. */
static void test_gap(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat->limited = true; /* as that of a room that is new */
        room_state(chat->server, ROOM, "m.room.create", "", cJSON_CreateObject());
        CHAT_UNTIL(chat, !chat->limited);
        chat->limited = true;
        peer_say(chat->ana, ROOM, "hello");
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                               " 'Too much was written here%'") == 1);
}

/* The approvals are in the room where Eve is, though no manifest names her. */
static void test_stranger(void **state)
{
        static const char command[] = "{\"type\":\"m.room.message\",\"sender\":\"@eve:x\","
                                      "\"content\":{\"msgtype\":\"m.text\",\"body\":\"!exec ls\"}}";
        Chat *chat = *state;

        chat_pin(chat);
        chat_add_approvals(chat);
        for (unsigned i = 1; i <= 2; i++) {
                room_member(chat->server, ROOM, "@eve:x", "join");
                (void) room_event(chat->server, ROOM, tree_parse(command));
                CHAT_UNTIL(chat,
                           peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE '@eve:x in"
                                                 " #operator-approvals is named by no manifest%'") == i);
                chat_say(chat, "next");
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "next") == i);
                assert_int_equal(cJSON_GetArraySize(chat->sent), 3 * i - 1); /* and nothing to Eve */

                room_member(chat->server, ROOM, "@eve:x", "leave");
                CHAT_UNTIL(chat,
                           peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE '%@eve:x in"
                                                 " #operator-approvals was named by no manifest%'") == i);
        }
}

static int64_t heard_of_strangers(Chat *chat, const char *pattern)
{
        int64_t n = 0;

        assert_ok(query_integer(chat->ana->database, &n, "SELECT count(*) FROM heard WHERE body LIKE ?", "t",
                                pattern));
        return n;
}

/* The homeserver shows members that nobody has seen before, with ids that would be lines of their own. */
static void test_crowd(void **state)
{
        static const char named[] = "@eve% in #operator-approvals is named by no manifest%";
        char user_id[64];
        Chat *chat = *state;

        chat_pin(chat);
        chat_add_approvals(chat);
        room_member(chat->server, ROOM, "@eve:x\n7KQ2PD approved by @ben:x", "join");
        CHAT_UNTIL(chat,
                   heard_of_strangers(chat, "A user with an id that is none in #operator-approvals%") == 1);
        for (int i = 0; i < 100; i++) {
                (void) snprintf(user_id, sizeof user_id, "@eve%d:x", i);
                room_member(chat->server, ROOM, user_id, "join");
        }
        CHAT_UNTIL(chat,
                   heard_of_strangers(chat, "More users in #operator-approvals are named by no%") == 1);
        chat_say(chat, "next");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "next") == 1);
        assert_int_equal(heard_of_strangers(chat, named), 19);
        assert_int_equal(heard_of_strangers(chat, "%7KQ2PD%"), 0);

        for (int i = 0; i < 100; i++) {
                (void) snprintf(user_id, sizeof user_id, "@eve%d:x", i);
                room_member(chat->server, ROOM, user_id, "leave");
        }
        CHAT_UNTIL(chat,
                   heard_of_strangers(chat, "%More users in #operator-approvals were named by no%") == 1 &&
                           heard_of_strangers(chat, "%@eve% was named by no manifest%") >= 19);
}

/* What is written in a room that was upgraded. */
static void test_upgraded_room(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_add_approvals(chat);
        chat->limit_rooms = true;
        room_state(chat->server, ROOM, "m.room.tombstone", "", cJSON_CreateObject());
        peer_say(chat->ana, ROOM, "!exec ls");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT,
                                    "This room was replaced, and the command was not run. Send it in "
                                    "#operator-approvals.") == 1);
        assert_int_equal(chat->n_rooms, 1);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
}

/* A homeserver that limits how fast rooms are made: people are answered meanwhile. */
static void test_limited_rooms(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat->limit_rooms = true;
        assert_ok(room_queue_want(chat->database, ROOM_DEVICE, "home"));
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(chat->n_rooms, 1);

        chat->limit_rooms = false;
        chat_stop(chat); /* limits are forgotten */
        chat_start(chat);
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM chat_room WHERE room_id = '!new:x'") == 1);
        assert_int_equal(chat->n_rooms, 2);
}

static void test_logged_out(void **state)
{
        Chat *chat = *state;

        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_SYNCED);
        chat->logged_out = true;
        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_ENDED);
        chat_say(chat, "later");
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM outbox"), 1);
}

/* A store is one device's, under one key. */
static void test_login(void **state)
{
        _cleanup_(secret_freep) Secret *other = NULL;
        MatrixLogin login = MATRIX_LOGIN_NULL;
        Chat *chat = *state;

        assert_string_equal(chat->login.user_id, BOT);
        assert_true(secret_equals(chat->login.token, "syt_secret"));
        assert_ok(secret_new_random(32, &other));
        assert_err(matrix_login_read(chat->database, other, &login), -EKEYREJECTED);
        assert_err(matrix_login_begin(chat->database, chat->web.url, "@else:x"), -EXDEV);
        assert_ok(matrix_login_begin(chat->database, "https://new.x", BOT));
        assert_int_equal(
                chat_count(chat, "SELECT server = 'https://new.x' AND device_id = 'BOT' FROM login"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_conversation, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_reaction, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_lost_answers, chat_up, chat_down),
                cmocka_unit_test(test_unknown_for_long),
                cmocka_unit_test_setup_teardown(test_crashes, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_unpinned, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_changed_identity, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_no_commands, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_next_steps, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_clear_rooms, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_crowd, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_gap, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_stranger, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_upgraded_room, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_limited_rooms, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_logged_out, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_login, chat_up, chat_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
