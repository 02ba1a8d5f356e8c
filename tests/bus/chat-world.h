/* SPDX-License-Identifier: MIT */
#pragma once

/* The whole way of a chat message: the daemons of run-world.h, the real devbox-matrix, the homeserver of
 * tests/e2ee over HTTP, and Ana, an operator and approver of dev-a, whose client has its own store. */

#include "basic/time.h"
#include "e2ee/homeserver.h"
#include "matrix/server.h"
#include "run-world.h"

#define BOT       "@bot:x"
#define ANA       "@ana:x"
#define ROOM      "!dev-dev-a:x"
#define APPROVALS "!operator-approvals:x"

typedef struct ChatWorld {
        RunWorld *run;
        TestDaemon *matrix;
        sd_event *event;
        Server web;
        Homeserver *server;
        Peer *bot, *ana;     /* bot: what the server knows of it; its client is the daemon */
        cJSON *sent;         /* {TXN:event id} of events in clear */
        cJSON *reactions;    /* {EVENT:content} of Ana's and the bot's that are there */
        Text uploaded;       /* the last file */
        unsigned n_requests; /* of the daemon that were answered */
        unsigned n_receipts; /* of commands that it has stored */
        unsigned n_pins;     /* that the daemon has set */
        unsigned n_typed;    /* how often the bot has begun to type */
        bool types;          /* it does now, as people see it */
        bool polls;          /* one more waits: the server has nothing to say */
        bool holds_invites;  /* no sync is answered from the first invitation to the approvals on */
        bool stalls;         /* none is */
        char directory_variable[128], operators[160];
} ChatWorld;

/* Fixtures. Afterwards the rooms exist, and Ana is in them. */
int chat_world_up(void **state);
int chat_world_down(void **state);

/* The same, but for the login. */
int chat_world_up_without_account(void **state);
void chat_log_in(ChatWorld *world);

#define chat_world_test(function) cmocka_unit_test_setup_teardown(function, chat_world_up, chat_world_down)

/* The daemon; it has ended when kill_matrix() returns. */
void start_matrix(ChatWorld *world);
void kill_matrix(ChatWorld *world);

/* Lets all parts work for a moment. */
void chat_turn(ChatWorld *world);

#define CHAT_UNTIL(world, condition)                                                                        \
        for (usec_t _end = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC); !(condition);) {               \
                assert_true(deadline_left(_end) > 0);                                                       \
                chat_turn(world);                                                                           \
        }

/* How many messages of the bot Ana has read that are LIKE this. */
unsigned chat_read(const ChatWorld *world, const char *pattern);

/* The message that was pinned last in a room; NULL: none is. */
const char *chat_pinned(const ChatWorld *world, const char *room_id);

/* The id of the newest request that is announced LIKE this; the caller frees it. */
char *chat_request_id(const ChatWorld *world, const char *pattern);

/* How many reactions the newest message has that is LIKE this. */
unsigned chat_count_reactions(const ChatWorld *world, const char *pattern);

/* Ana takes away in #operator-approvals: a reaction, or her newest message that is LIKE this. */
void chat_redact(ChatWorld *world, const char *event_id);
void chat_redact_message(ChatWorld *world, const char *pattern);

/* Ana reacts to the newest one that is LIKE this. Returns the reaction's id, until the next event. */
const char *chat_react(ChatWorld *world, const char *pattern, const char *key);
