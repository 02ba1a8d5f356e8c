/* SPDX-License-Identifier: MIT */
/* The life of a session. */

#include "matrix/session.h"

#include "e2ee/json.h"
#include "e2ee/quarantine.h"
#include "log/log.h"
#include "matrix/session-internal.h"

#define POLL_USEC  (30 * USEC_PER_SEC)
#define DEFER_USEC USEC_PER_SEC

static const char *const state_names[_SESSION_STATE_MAX] = {
        [SESSION_CONNECTING] = "connecting",
        [SESSION_SYNCED] = "synced",
        [SESSION_ENDED] = "ended",
};

const char *session_state_to_string(SessionState state)
{
        return state_names[state];
}

static int64_t now_ms(void *userdata)
{
        return (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC);
}

static void on_skipped(const E2eeGuarded *guarded, int error, void *userdata)
{
        const LogField *fields =
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_EVENT_SKIPPED }, { "MATRIX_PART", guarded->part },
                           { "MATRIX_ROOM", strempty(guarded->room_id) },
                           { "MATRIX_EVENT", strempty(object_string(guarded->event, "event_id")) });

        (void) log_full(LOG_ERR, error, fields, "%s; it is skipped",
                        error < 0 ? "An event cannot be processed"
                                  : "The processing of an event ended this process twice");
}

void session_defer(MatrixSession *session, sd_event_source **timer, sd_event_time_handler_t handler)
{
        *timer = sd_event_source_disable_unref(*timer);
        int r = sd_event_add_time_relative(session->server.event, timer, CLOCK_MONOTONIC, DEFER_USEC, 0,
                                           handler, session);
        if (r < 0)
                (void) sd_event_exit(session->server.event, r);
}

void session_notify(MatrixSession *session)
{
        if (session->handlers && session->handlers->on_committed)
                session->handlers->on_committed(session->userdata);
}

void session_pause(MatrixSession *session)
{
        session->sync_timer = sd_event_source_disable_unref(session->sync_timer);
        session->send_timer = sd_event_source_disable_unref(session->send_timer);
        session->sync = matrix_call_free(session->sync);
        sender_done(session);
}

void session_resume(MatrixSession *session)
{
        sync_start(session);
        sender_start(session);
}

void session_end(MatrixSession *session, const char *fault)
{
        log_error("The homeserver takes no token of this device any more; log in again");
        session->state = SESSION_ENDED;
        session->fault = fault;
        session_notify(session);
}

static int copy_login(MatrixSession *session, const SessionOptions *options)
{
        session->user_id = strdup(options->login->user_id);
        if (!session->user_id)
                return -ENOMEM;
        int r = matrix_server_set_url(&session->server, options->login->server);
        return r < 0 ? r : token_start(session, options->login);
}

int session_new(const SessionOptions *options, MatrixSession **ret_session)
{
        _cleanup_(session_freep) MatrixSession *session = calloc(1, sizeof *session);

        if (!session)
                return -ENOMEM;
        *session = (MatrixSession){ .server = { .event = options->event,
                                                .http = options->http,
                                                .retry_min_usec = options->retry_min_usec },
                                    .database = options->database,
                                    .seal = options->pickle_key,
                                    .poll_usec = options->poll_usec > 0 ? options->poll_usec : POLL_USEC,
                                    .handlers = options->handlers,
                                    .userdata = options->userdata };
        int r = copy_login(session, options);
        if (r == 0)
                r = e2ee_open(&(E2eeOptions){ .database = options->database,
                                              .pickle_key = options->pickle_key,
                                              .user_id = options->login->user_id,
                                              .device_id = options->login->device_id,
                                              .now_ms = now_ms,
                                              .pinned_only = true,
                                              .on_skipped = on_skipped },
                              &session->e2ee);
        if (r < 0)
                return r;

        session_resume(session);
        *ret_session = TAKE_PTR(session);
        return 0;
}

MatrixSession *session_free(MatrixSession *session)
{
        if (!session)
                return NULL;

        session_pause(session);
        token_done(session);
        confirm_done(session);
        e2ee_close(session->e2ee);
        matrix_server_done(&session->server);
        free(session->user_id);
        free(session);
        return NULL;
}

SessionState session_state(const MatrixSession *session)
{
        return session->state;
}

const char *session_fault(const MatrixSession *session)
{
        return session->fault;
}

uint64_t session_last_sync_ms(const MatrixSession *session)
{
        return session->last_sync_ms;
}

E2ee *session_e2ee(MatrixSession *session)
{
        return session->e2ee;
}

int session_reset_identity(MatrixSession *session)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(session->database, &transaction);
        if (r < 0)
                return r;
        int reset = e2ee_reset_identity(session->e2ee);
        if (reset < 0)
                return reset;
        r = transaction_commit(&transaction);
        if (r < 0)
                return r;
        sender_start(session);
        return reset;
}

void session_send(MatrixSession *session)
{
        sender_start(session);
}
