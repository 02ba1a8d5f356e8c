/* SPDX-License-Identifier: MIT */
#pragma once

/* A logged-in device: receives by one long poll of /sync, sends from one queue.
 *
 *         /sync ──one transaction──► store ──► command rows ──► on_committed()
 *         store (requests of src/e2ee, then the outbox) ──committed──► one request at a time ──► answer
 *
 * What is sent was committed before, and is sent again with the same bytes until the server has decided: a
 * crash at any point loses nothing and sends nothing twice. */

#include "e2ee/e2ee.h"
#include "matrix/call.h"
#include "matrix/login.h"

typedef struct MatrixSession MatrixSession;

typedef enum SessionState {
        SESSION_CONNECTING, /* no response to a sync yet */
        SESSION_SYNCED,
        SESSION_ENDED, /* there is no token that the server takes: nothing is sent or received */
        _SESSION_STATE_MAX,
} SessionState;

const char *session_state_to_string(SessionState state);

typedef struct SessionHandlers {
        /* Something was committed, such as a command, or the state changed. May not free the session. */
        void (*on_committed)(void *userdata);
} SessionHandlers;

typedef struct SessionOptions {
        sd_event *event;
        HttpClient *http;
        Database *database;               /* has a login with a token */
        const MatrixLogin *login;         /* copied */
        const Secret *pickle_key;         /* the tokens are sealed under it, too */
        usec_t retry_min_usec, poll_usec; /* 0: the defaults, 1 s and 30 s */
        const SessionHandlers *handlers;
        void *userdata;
} SessionOptions;

/* Begins to sync. All but the login is borrowed. Errors: those of e2ee_open() and matrix_call_start(). */
int session_new(const SessionOptions *options, MatrixSession **ret_session);
MatrixSession *session_free(MatrixSession *session);
DEFINE_CLEANUP(MatrixSession, session_free);

SessionState session_state(const MatrixSession *session);

/* Why it has ended: "token_expired", the store can be used after another login; "logged_out", the server has
 * the device no more. NULL: it has not. */
const char *session_fault(const MatrixSession *session);

/* When a response to a sync was stored last, in milliseconds of CLOCK_REALTIME; 0: none yet. */
uint64_t session_last_sync_ms(const MatrixSession *session);
E2ee *session_e2ee(MatrixSession *session);

/* Takes the password, with which the server may want the account's new keys confirmed; NULL: there is none.
 * It is kept until they are there, and never stored. */
void session_confirm_with_take(MatrixSession *session, Secret *password);

/* e2ee_reset_identity(), in a transaction of its own. */
int session_reset_identity(MatrixSession *session);

/* Something was added to the outbox, and committed. */
void session_send(MatrixSession *session);
