/* SPDX-License-Identifier: MIT */
/* Keeping the access token valid.
 *
 *         due, or refused with soft_logout ──► POST /refresh ──► new tokens committed ──► used
 *                                                  └─ refused ──► the session has ended
 *
 * All else rests meanwhile, so that there is one refresh at a time and no request with a token that it has
 * replaced. The refresh token stays valid until one of the new tokens is used, which is after they were
 * committed: an answer that was lost, and a crash at any point, leave a token that the server takes. */

#include "matrix/session-internal.h"

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/auth.h"

static int keep_secret(Bytes bytes, Secret **secret)
{
        Secret *copy = NULL;

        int r = bytes.size > 0 ? secret_new(bytes.data, bytes.size, &copy) : 0;
        if (r < 0)
                return r;
        secret_free(*secret);
        *secret = copy;
        return 0;
}

static int on_due(sd_event_source *timer, uint64_t usec, void *userdata);

static int wait_until(MatrixSession *session, int64_t refresh_ms)
{
        session->refresh_timer = sd_event_source_disable_unref(session->refresh_timer);
        if (refresh_ms == 0 || !session->refresh_token)
                return 0;
        return sd_event_add_time(session->server.event, &session->refresh_timer, CLOCK_REALTIME,
                                 (usec_t) refresh_ms * USEC_PER_MSEC, 0, on_due, session);
}

/* Committed before they are used. */
static int take_tokens(MatrixSession *session, const MatrixTokens *tokens)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(session->database, &transaction);
        if (r == 0)
                r = matrix_login_set_tokens(session->database, session->seal, tokens);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r == 0)
                r = keep_secret(tokens->access, &session->server.token);
        session->token_is_new = true;
        if (r == 0 && tokens->refresh.data != secret_bytes(session->refresh_token).data)
                r = keep_secret(tokens->refresh, &session->refresh_token);
        return r < 0 ? r : wait_until(session, tokens->refresh_ms);
}

static void on_refreshed(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        MatrixSession *session = userdata;
        MatrixTokens tokens;

        int r = auth_refresh_tokens(session->refresh_token, reply, &tokens);
        bool refused = r == -EACCES;
        if (r == 0)
                r = take_tokens(session, &tokens);
        session->refresh = matrix_call_free(session->refresh);
        if (refused)
                return session_end(session, "token_expired");
        if (r < 0) {
                (void) log_error_errno(r, "Cannot take a new access token; trying again");
                return session_defer(session, &session->refresh_timer, on_due);
        }
        session_resume(session);
}

static void refresh(MatrixSession *session)
{
        session_pause(session);
        int r = auth_refresh_start(&session->server, session->refresh_token, on_refreshed, session,
                                   &session->refresh);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot refresh the access token; trying again");
                session_defer(session, &session->refresh_timer, on_due);
        }
}

static int on_due(sd_event_source *timer, uint64_t usec, void *userdata)
{
        MatrixSession *session = userdata;

        session->refresh_timer = sd_event_source_disable_unref(session->refresh_timer);
        refresh(session);
        return 0;
}

void token_refused(MatrixSession *session, const MatrixReply *reply)
{
        bool soft = object_is_true(reply->body, "soft_logout");

        session->refresh_timer = sd_event_source_disable_unref(session->refresh_timer);
        if (soft && session->refresh_token && !session->token_is_new)
                return refresh(session);
        session_pause(session);
        if (soft && session->refresh_token) /* a server that refuses what it has just given */
                return session_defer(session, &session->refresh_timer, on_due);
        session_end(session, soft ? "token_expired" : "logged_out");
}

int token_start(MatrixSession *session, const MatrixLogin *login)
{
        int r = keep_secret(secret_bytes(login->token), &session->server.token);
        if (r == 0 && login->refresh_token)
                r = keep_secret(secret_bytes(login->refresh_token), &session->refresh_token);
        return r < 0 ? r : wait_until(session, login->refresh_ms);
}

void token_done(MatrixSession *session)
{
        sd_event_source_disable_unref(session->refresh_timer);
        matrix_call_free(session->refresh);
        secret_free(session->refresh_token);
}
