/* SPDX-License-Identifier: MIT */
/* Requests that wait for people. What is announced is compared with what waits, after each change and at the
 * start: nothing is announced twice, and no end is missed. */

#include <stdio.h>

#include "bus/dictionary.h"
#include "log/log.h"
#include "matrix/alert.h"
#include "matrix/daemon-internal.h"
#include "matrix/decision.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "proto/id.h"
#include "trust/envelope.h"
#include "trust/request.h"
#include "trust/result.h"

#define WAITING_MAX 5000 /* more than the dispatcher keeps open */
#define LINE_SIZE   1024
#define PATIENCE_MS (UINT64_C(3600) * 1000)

#define ALERT_KEY_SIZE (sizeof "approval:" + ULID_SIZE)

typedef struct WaitingRequest {
        const char *id, *device, *principal, *state, *tier, *description, *request, *result;
        uint64_t created_ms;
} WaitingRequest;

static const BusField fields[] = {
        BUS_FIELD("id", BUS_TEXT, WaitingRequest, id, BUS_REQUIRED),
        BUS_FIELD("device", BUS_TEXT, WaitingRequest, device, BUS_REQUIRED),
        BUS_FIELD("principal", BUS_TEXT, WaitingRequest, principal, BUS_REQUIRED),
        BUS_FIELD("state", BUS_TEXT, WaitingRequest, state, BUS_REQUIRED),
        BUS_FIELD("tier", BUS_TEXT, WaitingRequest, tier, BUS_REQUIRED),
        BUS_FIELD("description", BUS_TEXT, WaitingRequest, description, BUS_REQUIRED),
        BUS_FIELD("created_at_ms", BUS_UINT64, WaitingRequest, created_ms),
        BUS_FIELD("request", BUS_TEXT, WaitingRequest, request),
        BUS_FIELD("result", BUS_TEXT, WaitingRequest, result),
};
static const BusDictionary dictionary = BUS_DICTIONARY(fields);
static const BusRows rows_type = { .row = &dictionary,
                                   .row_size = sizeof(WaitingRequest),
                                   .max = WAITING_MAX };

void approvals_done(Approvals *approvals)
{
        reading_cancel(&approvals->reading);
        bus_request_cancel(&approvals->passing);
        decision_done(&approvals->decision);
        free(approvals->at);
        *approvals = (Approvals){ .at = NULL };
}

/* ---- announcements */

/* By tier: how to decide, with the id. */
static const struct {
        const char *before, *after;
} ways[_APPROVAL_TIER_MAX] = {
        [APPROVAL_REACTION] = { "React with \xf0\x9f\x91\x8d or \xf0\x9f\x91\x8e, or write !approve ", "" },
        [APPROVAL_MESSAGE] = { "Write !approve ", " as a message: \xf0\x9f\x91\x8d does not approve it. "
                                                  "\xf0\x9f\x91\x8e denies it." },
        [APPROVAL_SIGNED] = { "On the hub: devboxctl approve ", " --sign. \xf0\x9f\x91\x8e denies it." },
};

static ApprovalTier tier_of(const WaitingRequest *request)
{
        int tier = APPROVAL_REACTION;

        while (tier < APPROVAL_SIGNED && !streq(approval_tier_names[tier], request->tier))
                tier++;
        return (ApprovalTier) tier;
}

static void format_alert_key(const char *request_id, char ret_key[static ALERT_KEY_SIZE])
{
        (void) snprintf(ret_key, ALERT_KEY_SIZE, "approval:%s", request_id);
}

/* Of one that waits for long. */
static int remind(Database *database, const WaitingRequest *request)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC;
        char key[ALERT_KEY_SIZE], line[64];

        if (now_ms < request->created_ms + PATIENCE_MS)
                return 0;
        format_alert_key(request->id, key);
        (void) snprintf(line, sizeof line, "%s has waited for an hour", ulid_shown(request->id));
        return alert_raise(database, key, line);
}

static int announce(MatrixDaemon *self, const WaitingRequest *request)
{
        const char *id = ulid_shown(request->id);
        ApprovalTier tier = tier_of(request);
        char line[LINE_SIZE], end[128];

        (void) snprintf(line, sizeof line, "%s: %s asks %s for:", id, request->principal, request->device);
        (void) snprintf(end, sizeof end, "%s%s%s", ways[tier].before, id, ways[tier].after);
        int r = approval_add(
                self->database, request->id, tier,
                &(Answer){ .line = line, .output = bytes_of_string(request->description), .end = end });
        self->approvals.no_reader |= r > 0;
        return r < 0 ? r : remind(self->database, request);
}

/* Of what is written the announcement has only the digest: whoever decides reads it from the signed request.
 */
static int show_content(MatrixDaemon *self, const WaitingRequest *waiting)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        _cleanup_(request_freep) Request *request = NULL;

        if (!waiting->request || !streq(waiting->state, "approving"))
                return 0;
        int r = envelope_parse(bytes_of_string(waiting->request), ENVELOPE_PAYLOAD_MAX, &envelope);
        if (r == 0)
                r = request_parse(envelope_payload(envelope), &request, NULL);
        if (r != 0)
                return MIN(r, 0); /* the device judges what it is */

        const SchemaBlob *content = &request->arguments.content;
        return content->size > 0 ? approval_show_content(self->database, waiting->id,
                                                         BYTES(content->data, content->size))
                                 : 0;
}

/* ---- verdicts */

static const char *word_of(const WaitingRequest *request)
{
        static const struct {
                const char *state, *word;
        } rows[] = {
                { "finished", "done" },
                { "timeout", "out of time" },
                { "interrupted_unknown", "interrupted" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].state, request->state))
                        return rows[i].word;
        return request->state;
}

/* How long it ran, as the device has signed it; 0: it did not. */
static int64_t duration_ms(const char *text)
{
        _cleanup_(result_freep) Result *result = NULL;

        if (!text || result_read(text, &result) != 0)
                return 0;
        return result->finished_at_ms - result->started_at_ms;
}

/* "7KQ2PD approved by @ben:x, done in 0.3 s" */
static int format_verdict(const MatrixDaemon *self, const WaitingRequest *request,
                          char ret_line[static LINE_SIZE])
{
        _cleanup_(freep) char *users = NULL;
        _cleanup_(text_done) Text took = TEXT_NULL;
        bool denied = streq(request->state, "denied");

        int r = approval_deciders(self->database, request->id, !denied, &users);
        if (r < 0)
                return r;
        int64_t ms = duration_ms(request->result);
        if (ms > 0) {
                text_append(&took, " in ");
                answer_append_duration(&took, (usec_t) ms * USEC_PER_MSEC);
        }
        if (took.error < 0)
                return took.error;

        const char *word = word_of(request), *id = ulid_shown(request->id), *in = strempty(took.data);
        if (users && denied)
                (void) snprintf(ret_line, LINE_SIZE, "%s denied by %s", id, users);
        else if (users)
                (void) snprintf(ret_line, LINE_SIZE, "%s approved by %s, %s%s", id, users, word, in);
        else
                (void) snprintf(ret_line, LINE_SIZE, "%s %s%s", id, word, in);
        return 0;
}

static bool has_ended(const WaitingRequest *request)
{
        return !streq(request->state, "approving") && !streq(request->state, "queued") &&
               !streq(request->state, "running");
}

/* Not before the dispatcher has answered to each decision: an earlier process may have died on it, and the
 * verdict names who decided. */
static int close_ended(MatrixDaemon *self, const WaitingRequest *request)
{
        char line[LINE_SIZE], key[ALERT_KEY_SIZE];

        if (!has_ended(request))
                return 0;
        int r = approval_has_decision(self->database, request->id);
        if (r != 0)
                return MIN(r, 0);
        format_alert_key(request->id, key);
        r = format_verdict(self, request, line);
        if (r == 0)
                r = alert_end(self->database, key, line);
        return r < 0 ? r : approval_close(self->database, request->id, line);
}

/* ---- reading: ListApprovals, then GetRequest of each that is announced */

static void read_next(MatrixDaemon *self);

static void commit(MatrixDaemon *self, Transaction *transaction, int r)
{
        if (r == 0)
                r = transaction_commit(transaction);
        if (r < 0)
                (void) log_error_errno(
                        r, "Cannot store what waits for people; trying again with the next change");
        session_send(self->session);
}

/* One that the dispatcher has forgotten is over. */
static void on_request(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, approvals.reading.call);
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        WaitingRequest request = { .id = self->approvals.at, .state = "over" };

        int r = reply->reason == 0 ? bus_dictionary_read(reply->message, &dictionary, &request) : 0;
        if (r < 0 || (reply->reason != 0 && reply->reason != DEVBOX_ERROR_REQUEST_UNKNOWN))
                return;
        r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = show_content(self, &request);
        if (r == 0)
                r = close_ended(self, &request);
        commit(self, &transaction, r);
        read_next(self);
}

static void read_next(MatrixDaemon *self)
{
        Approvals *approvals = &self->approvals;
        char *next = NULL;

        int r = approval_next_open(self->database, strempty(approvals->at), &next);
        free(approvals->at);
        approvals->at = next;
        if (r > 0)
                return bus_client_send_take(&self->dispatch, &approvals->reading.call,
                                            bus_client_new_call(&self->dispatch, "GetRequest", "s", next),
                                            on_request);
        if (reading_end(&approvals->reading))
                approvals_refresh(self);
}

static void on_waiting(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, approvals.reading.call);
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        void *items = NULL;
        size_t n = 0;

        if (reply->reason != 0 || bus_rows_read_new(reply->message, &rows_type, &items, &n) < 0) {
                free(items);
                return;
        }
        self->approvals.no_reader = false;
        int r = transaction_begin(self->database, &transaction);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = announce(self, &((WaitingRequest *) items)[i]);
        free(items);
        commit(self, &transaction, r);
        read_next(self);
}

void approvals_refresh(MatrixDaemon *self)
{
        Approvals *approvals = &self->approvals;

        if (!self->session || !reading_begin(&approvals->reading))
                return;
        free(approvals->at);
        approvals->at = NULL;
        bus_client_send_take(&self->dispatch, &approvals->reading.call,
                             bus_client_new_call(&self->dispatch, "ListApprovals", NULL), on_waiting);
}

int approvals_on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        MatrixDaemon *self = userdata;
        const char *id;

        if (self->session && sd_bus_message_read(message, "s", &id) >= 0 &&
            approval_is_open(self->database, id) != 0)
                approvals_refresh(self);
        return 0;
}

/* ---- decisions */

/* To everyone in the room, since it names who. */
static int explain_refusal(MatrixDaemon *self, const Decision *decision, const BusReply *reply)
{
        const char *sentence = devbox_error_sentence((DevboxError) reply->reason);
        char line[LINE_SIZE];
        cJSON *content = NULL;

        (void) snprintf(line, sizeof line, "%s: %s%s%s", decision->user_id, sentence,
                        reply->detail ? ": " : "", strempty(reply->detail));
        int r = answer_make(&(Answer){ .line = line, .reply_to = decision->message_id }, &content);
        return r < 0 ? r : outbox_add_take(self->database, decision->room_id, "m.room.message", content);
}

static void on_passed(BusRequest *call, const BusReply *reply)
{
        MatrixDaemon *self = CONTAINER_OF(call, MatrixDaemon, approvals.passing);
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        _cleanup_(decision_done) Decision decision = TAKE(self->approvals.decision, DECISION_NULL);

        int r = transaction_begin(self->database, &transaction);
        if (r == 0)
                r = approval_decided(self->database, &decision, reply->reason == 0);
        if (r == 0 && reply->reason != 0 && !decision.withdraw)
                r = explain_refusal(self, &decision, reply);
        commit(self, &transaction, r);
        approvals_work(self);
        approvals_refresh(self); /* the request may have ended before */
}

static void pass_on(MatrixDaemon *self)
{
        Decision *decision = &self->approvals.decision;
        const DecisionCall passed = { .id = decision->request_id,
                                      .principal = decision->user_id,
                                      .room = decision->room_id,
                                      .message_id = decision->message_id,
                                      .reaction_id = decision->reaction_id };
        const char *method = decision->withdraw ? "Withdraw" : decision->approve ? "Approve" : "Deny";

        bus_client_send_take(&self->dispatch, &self->approvals.passing,
                             decision_new_call(&self->dispatch, method, &passed), on_passed);
}

void approvals_work(MatrixDaemon *self)
{
        Approvals *approvals = &self->approvals;
        _cleanup_(freep) char *room_id = NULL;

        if (approvals->no_reader && room_queue_find_announcements(self->database, &room_id) > 0)
                approvals_refresh(self);
        if (!approvals->passing.slot && approval_next_decision(self->database, &approvals->decision) > 0)
                pass_on(self);
}
