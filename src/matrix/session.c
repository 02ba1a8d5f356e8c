/* SPDX-License-Identifier: MIT */
/* The life of a session. */

#include "matrix/session.h"

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

void session_end(MatrixSession *session)
{
        if (session->state == SESSION_ENDED)
                return;

        log_error("The homeserver has logged this device out; log in again");
        session->state = SESSION_ENDED;
        session_notify(session);
}

static int copy_login(MatrixSession *session, const SessionOptions *options)
{
        const MatrixLogin *login = options->login;
        Bytes token = secret_bytes(login->token);

        session->user_id = strdup(login->user_id);
        if (!session->user_id)
                return -ENOMEM;
        int r = matrix_server_set_url(&session->server, login->server);
        return r < 0 ? r : secret_new(token.data, token.size, &session->server.token);
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
                                    .poll_usec = options->poll_usec > 0 ? options->poll_usec : POLL_USEC,
                                    .handlers = options->handlers,
                                    .userdata = options->userdata };
        int r = copy_login(session, options);
        if (r == 0)
                r = e2ee_open(&(E2eeOptions){ .database = options->database,
                                              .pickle_key = options->pickle_key,
                                              .user_id = options->login->user_id,
                                              .device_id = options->login->device_id,
                                              .now_ms = now_ms },
                              &session->e2ee);
        if (r < 0)
                return r;

        sync_start(session);
        sender_start(session);
        *ret_session = TAKE_PTR(session);
        return 0;
}

MatrixSession *session_free(MatrixSession *session)
{
        if (!session)
                return NULL;

        sd_event_source_disable_unref(session->sync_timer);
        sd_event_source_disable_unref(session->send_timer);
        matrix_call_free(session->sync);
        sender_done(session);
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

uint64_t session_last_sync_ms(const MatrixSession *session)
{
        return session->last_sync_ms;
}

E2ee *session_e2ee(MatrixSession *session)
{
        return session->e2ee;
}

void session_send(MatrixSession *session)
{
        sender_start(session);
}
