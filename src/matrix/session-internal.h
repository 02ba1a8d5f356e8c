/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of MatrixSession, for session.c (its life), sync.c (receiving) and sender.c (sending). */

#include "matrix/session.h"

#define API "/_matrix/client/v3"

struct MatrixSession {
        MatrixServer server;
        Database *database;
        E2ee *e2ee;
        char *user_id;
        usec_t poll_usec;
        SessionState state;
        uint64_t last_sync_ms;
        const SessionHandlers *handlers;
        void *userdata;
        MatrixCall *sync, *send;                  /* NULL: not under way */
        sd_event_source *sync_timer, *send_timer; /* to try again */
        struct SendItem *item;                    /* what `send` sends */
        usec_t limited_until_usec[16];            /* of CLOCK_MONOTONIC: steps that the server limits */
};

/* Later than now, once; an error ends the loop: a session must not stand still unnoticed. */
void session_defer(MatrixSession *session, sd_event_source **timer, sd_event_time_handler_t handler);

void session_notify(MatrixSession *session);

/* The token is no longer valid. */
void session_end(MatrixSession *session);

/* sync.c */
void sync_start(MatrixSession *session);

/* sender.c: sends what is next, unless something is being sent. */
void sender_start(MatrixSession *session);
void sender_done(MatrixSession *session);
