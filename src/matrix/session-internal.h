/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MatrixSession, for session.c (its life), token.c (its tokens), sync.c (receiving), sender.c
 * (sending) and outbox-owner.c (what was sent). */

#include "matrix/session.h"

#define API "/_matrix/client/v3"

struct MatrixSession {
        MatrixServer server;
        Database *database;
        E2ee *e2ee;
        char *user_id;
        usec_t poll_usec;
        SessionState state;
        const char *fault; /* why it has ended; static */
        uint64_t last_sync_ms;
        bool is_interrupted,
                is_asked; /* by a failure, since the last sync, and for its last event: rewind.h */
        const SessionHandlers *handlers;
        void *userdata;
        const Secret *seal;                       /* of the tokens; borrowed */
        Secret *refresh_token;                    /* NULL: there is none */
        MatrixCall *sync, *send, *refresh;        /* NULL: not under way */
        sd_event_source *refresh_timer;           /* when the next token is due */
        bool token_is_new;                        /* no sync was answered with it yet */
        Secret *password;                         /* NULL: none, as most of the time */
        char *confirmation;                       /* the server's session; NULL: it did not ask */
        sd_event_source *sync_timer, *send_timer; /* to try again */
        struct SendItem *item;                    /* what `send` sends */
        usec_t limited_until_usec[16];            /* of CLOCK_MONOTONIC: steps that the server limits */
        usec_t rooms_changed_usec;                /* the last answer about a room; 0: there was none */
};

/* Later than now, once; an error ends the loop: a session must not stand still unnoticed. */
void session_defer(MatrixSession *session, sd_event_source **timer, sd_event_time_handler_t handler);

void session_notify(MatrixSession *session);

/* Nothing is sent or received until one of these is started again. */
void session_pause(MatrixSession *session);
void session_resume(MatrixSession *session);

/* The token is no longer valid, and there is no other. */
void session_end(MatrixSession *session, const char *fault);

/* token.c */
int token_start(MatrixSession *session, const MatrixLogin *login);
void token_done(MatrixSession *session);

/* The server does not take the token: refreshes it, or ends the session. Frees the calls under way, of which
 * the reply is one's. */
void token_refused(MatrixSession *session, const MatrixReply *reply);

/* confirm.c: whether the server asks for the password before it takes the account's keys, and it is here:
 * then the request is sent again, with what confirm_add() adds. */
bool confirm_is_asked(MatrixSession *session, const MatrixReply *reply);
int confirm_add(const MatrixSession *session, char **body);
void confirm_done(MatrixSession *session);

/* The password is forgotten once the account's keys need none. */
int confirm_review(MatrixSession *session);

/* sync.c */
void sync_start(MatrixSession *session);

/* sender.c: sends what is next, unless something is being sent. */
void sender_start(MatrixSession *session);
void sender_done(MatrixSession *session);

/* outbox-owner.c: takes the decision about an event of the outbox, and passes it on to its owner. `code` is
 * NULL if the server has it, and `event_id` if its answer has none. In the caller's transaction. */
int event_decided(MatrixSession *session, int64_t seq, const char *event_id, const char *code);
