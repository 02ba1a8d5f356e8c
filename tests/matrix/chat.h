/* SPDX-License-Identifier: MIT */
#pragma once

/* A session against a homeserver over HTTP, with Ana, a client of the same core, on the other side. The
 * server is that of tests/e2ee; what can go wrong between it and the session does. */

#include "basic/time.h"
#include "e2ee/homeserver.h"
#include "matrix/session.h"
#include "server.h"

#define BOT  "@bot:x"
#define ANA  "@ana:x"
#define ROOM "!r:x"

typedef struct Chat {
        sd_event *event;
        HttpClient *http;
        Server web;
        Homeserver *server;
        Peer *bot, *ana; /* bot: what the server knows of it; its client is the session */
        char path[96];
        Secret *seal;
        Database *database;
        MatrixLogin login;
        MatrixSession *session;

        unsigned n_syncs;                /* that were answered */
        unsigned n_requests, lose_every; /* lose_every: the answer to each n-th request is lost */
        bool logged_out, limited;        /* limited: the next timeline has a gap before it */
        unsigned token, offered;         /* N of "syt_N" and "ref_N"; 0: any; those that nothing used yet */
        bool expired, refuse_refresh;    /* expired: "syt_N" is not taken any more */
        bool refuse_all;                 /* nor any that follows */
        unsigned n_refreshes;
        const char *password, *stage;  /* wanted for the account's keys, in that stage; NULL: none is */
        int timeline_max;              /* events; a longer timeline is cut; 0: none is */
        cJSON *omitted;                /* the events before that, the oldest first */
        cJSON *omitted_from;           /* {SINCE:index} of the first that a sync has left out */
        unsigned n_pages, refuse_page; /* of these that were asked for; the n-th is refused */
        unsigned n_sends;              /* PUT /send, repeated ones included */
        cJSON *sent;                   /* {TXN:body} of these */
        bool limit_rooms;              /* rooms are made ten minutes later */
        const char *broken;            /* requests with this in their target */
        unsigned n_broken;             /* how many of them still fail */
        Answer breaks;                 /* how; its body is text that is copied */
        unsigned n_rooms;              /* that were asked for */
        const char *invited;           /* rooms.invite of the next sync; NULL: none */
        cJSON *written;                /* since the server was restored, for a sync without a token; NULL: it
                                          was not */
        unsigned n_receipts, n_reactions, n_redactions;
        unsigned n_pins, lose_pins; /* requests that set them; the answers to so many are lost */
} Chat;

/* A fixture: both are in the room, a manifest names Ana, and the session runs. */
int chat_up(void **state);
int chat_down(void **state);

/* The session and its store, which stay what they were. */
void chat_start(Chat *chat);
void chat_stop(Chat *chat);

/* Until the condition holds: Ana and the session take turns. For longer than a call that a stall has timed
 * out is tried again. */
#define CHAT_UNTIL(chat, condition)                                                                         \
        for (usec_t _end = deadline_after(120 * USEC_PER_SEC); !(condition);) {                             \
                assert_true(deadline_left(_end) > 0);                                                       \
                settle((chat)->server);                                                                     \
                server_poke(&(chat)->web);                                                                  \
                assert_ok(sd_event_run((chat)->event, 1000));                                               \
        }

/* From now on the server wants "syt_1", whose "ref_1" is due at that time; 0: it has none. */
void chat_use_tokens(Chat *chat, int64_t refresh_ms);

int64_t chat_count(Chat *chat, const char *sql);
void chat_say(Chat *chat, const char *text);

/* Each knows the other's identity. The caller frees the key of Ana's. */
char *chat_meet(Chat *chat);

/* And the operator's manifest pins Ana's. */
void chat_pin(Chat *chat);

/* The server goes on at an earlier point, where Ana writes this: it has none of its events, sends what is
 * new only to who has no token of it, and interrupts what is under way. */
void chat_restore_server(Chat *chat, const char *text);

/* The room of the approvals is the one where both are. */
void chat_add_approvals(Chat *chat);
