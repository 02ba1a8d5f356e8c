/* SPDX-License-Identifier: MIT */
/* Receiving: one long poll after the other. A response and its token are one transaction, and the next
 * request is sent after the commit: until then the server keeps what it has given. */

#include "matrix/session-internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "e2ee/json.h"
#include "e2ee/quarantine.h"
#include "e2ee/sync.h"
#include "log/log.h"
#include "matrix/invitations.h"
#include "matrix/rewind.h"
#include "matrix/timeline.h"
#include "matrix/url.h"
#include "matrix/verification.h"

/* Added to the time the server may wait. */
#define GRACE_USEC (30 * USEC_PER_SEC)

static const char filter[] = "{\"presence\":{\"types\":[]},\"account_data\":{\"types\":[]},"
                             "\"room\":{\"timeline\":{\"limit\":100},\"ephemeral\":{\"types\":[]},"
                             "\"account_data\":{\"types\":[]},\"state\":{\"lazy_load_members\":false}}}";

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        sync_start(userdata);
        return 0;
}

static int on_invitation(const E2eeGuarded *guarded, void *userdata)
{
        const MatrixSession *session = userdata;

        return invitation_receive(session->database, session->user_id, guarded->event);
}

static int receive(MatrixSession *session, const cJSON *response)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        const cJSON *rooms = object_object(response, "rooms");
        const E2eeGuarded invitations = { "invitation", NULL, object_object(rooms, "invite"), NULL };
        _cleanup_(freep) char *since = NULL;

        int r = e2ee_since(session->e2ee, &since);
        const Timeline timeline = { session->database, session->e2ee, session->user_id, since };
        if (r >= 0)
                r = transaction_begin(session->database, &transaction);
        if (r == 0)
                r = e2ee_receive_sync(session->e2ee, response);
        if (r == 0 && !since)
                r = rewind_review(session->database, object_object(rooms, "join"));
        if (r == 0)
                r = timeline_receive(&timeline, object_object(rooms, "join"));
        if (r == 0)
                r = e2ee_guard_each(session->e2ee, &invitations, on_invitation, session);
        if (r == 0)
                r = verification_screen(session->database, session->e2ee);
        if (r == 0)
                r = rewind_note(session->database, rooms);
        if (r == 0)
                r = confirm_review(session);
        return r < 0 ? r : transaction_commit(&transaction);
}

/* ---- whether the homeserver is the one that it was */

static int take_landmark(MatrixSession *session, const MatrixReply *reply)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(session->database, &transaction);
        if (r == 0)
                r = rewind_answered(session->database, session->e2ee, reply);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void on_landmark(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        MatrixSession *session = userdata;

        if (streq(matrix_reply_code(reply), "M_UNKNOWN_TOKEN"))
                return token_refused(session, reply);
        int r = take_landmark(session, reply);
        session->sync = matrix_call_free(session->sync);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot store an answer of the homeserver; trying again");
                return session_defer(session, &session->sync_timer, on_timer);
        }
        session->is_asked = true;
        sync_start(session);
}

/* 0: there is nothing to ask for. */
static int ask_for_landmark(MatrixSession *session)
{
        _cleanup_(freep) char *target = NULL;

        int r = rewind_next(session->database, &target);
        session->is_asked = r == 0;
        if (r <= 0)
                return r;
        r = matrix_call_start(
                &session->server,
                &(MatrixRequest){ .method = "GET", .target = target, .timeout_usec = GRACE_USEC },
                on_landmark, session, &session->sync);
        return r < 0 ? r : 1;
}

/* ---- the long poll */

/* The server may come back as another one: only the sync after the question is repeated as it is. */
static void on_interruption(MatrixSession *session, const MatrixReply *reply)
{
        log_warning("The homeserver does not answer a sync; trying again");
        session->sync = matrix_call_free(session->sync);
        session->is_interrupted = true;
        session->sync_timer = sd_event_source_disable_unref(session->sync_timer);
        int r = sd_event_add_time_relative(session->server.event, &session->sync_timer, CLOCK_MONOTONIC,
                                           reply->retry_usec, 0, on_timer, session);
        if (r < 0)
                (void) sd_event_exit(session->server.event, r);
}

static void on_sync(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        MatrixSession *session = userdata;
        int r = 0;

        if (streq(matrix_reply_code(reply), "M_UNKNOWN_TOKEN"))
                return token_refused(session, reply);
        if (matrix_reply_decides_nothing(reply))
                return on_interruption(session, reply);
        if (!matrix_reply_is_success(reply))
                log_error("The homeserver rejects a sync with status %u; trying again", reply->status);
        else
                r = receive(session, reply->body);
        if (r < 0)
                (void) log_error_errno(r, "Cannot store what the homeserver sent; trying again");

        bool received = r == 0 && matrix_reply_is_success(reply);
        session->sync = matrix_call_free(session->sync);
        if (!received)
                return session_defer(session, &session->sync_timer, on_timer);

        session->state = SESSION_SYNCED;
        session->is_asked = session->is_interrupted = false;
        session->token_is_new = false;
        session->last_sync_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        sync_start(session);
        sender_start(session);
        session_notify(session);
}

/* The first one of a session is answered immediately: until then it is unknown whether it works. */
static int target_of_sync(MatrixSession *session, char **ret_target)
{
        _cleanup_(freep) char *since = NULL;
        char timeout[24];

        int r = e2ee_since(session->e2ee, &since);
        if (r < 0)
                return r;
        usec_t wait_usec = session->state == SESSION_SYNCED ? session->poll_usec : 0;
        (void) snprintf(timeout, sizeof timeout, "%" PRIu64, wait_usec / USEC_PER_MSEC);
        return since ? url_format(ret_target, API "/sync?set_presence=offline&timeout=%&filter=%&since=%",
                                  timeout, filter, since)
                     : url_format(ret_target, API "/sync?set_presence=offline&filter=%", filter);
}

static int poll(MatrixSession *session)
{
        _cleanup_(freep) char *target = NULL;

        int r = target_of_sync(session, &target);
        return r < 0 ? r
                     : matrix_call_start(&session->server,
                                         &(MatrixRequest){ .method = "GET",
                                                           .target = target,
                                                           .timeout_usec = session->poll_usec + GRACE_USEC,
                                                           .once = session->state == SESSION_SYNCED &&
                                                                   !session->is_asked },
                                         on_sync, session, &session->sync);
}

void sync_start(MatrixSession *session)
{
        bool doubtful = session->state != SESSION_SYNCED || session->is_interrupted;

        int r = doubtful && !session->is_asked ? ask_for_landmark(session) : 0;
        if (r == 0)
                r = poll(session);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot sync; trying again");
                session_defer(session, &session->sync_timer, on_timer);
        }
}
