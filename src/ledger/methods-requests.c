/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Ledger1 for requests: BeginSession, Accept, Started and Finish. */

#include "bus/dictionary.h"
#include "ledger/method.h"
#include "log/log.h"

static int handle_begin_session(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *checkpoint = NULL;
        LedgerDaemon *self = userdata;
        uint8_t session[SESSION_NONCE_SIZE];

        int r = ledger_daemon_after_write(self, ledger_begin_session(self->ledger, session));
        if (r != 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_checkpoint(self->ledger, 0, &checkpoint));
        if (r != 0)
                return r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', session, sizeof session);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", checkpoint);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        return MIN(r, 0);
}

static int bundle_read(sd_bus_message *message, LedgerBundle *ret_bundle)
{
        LedgerBundle bundle = { 0 };
        const char *approval;

        int r = sd_bus_message_read(message, "ss", &bundle.request, &bundle.delivery);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &approval)) > 0) {
                if (bundle.n_approvals == APPROVALS_MAX)
                        return -EBADMSG;
                bundle.approvals[bundle.n_approvals++] = approval;
        }
        if (r < 0)
                return -EBADMSG;

        *ret_bundle = bundle;
        return 0;
}

typedef struct AnswerView {
        const char *outcome, *request_id, *entry, *state, *reason, *message, *result;
        Sha256 digest;
        uint64_t seq;
} AnswerView;

static const BusField answer_fields[] = {
        BUS_FIELD("outcome", BUS_TEXT, AnswerView, outcome),
        BUS_FIELD("digest", BUS_ARRAY, AnswerView, digest, 0, SHA256_SIZE),
        BUS_FIELD("request_id", BUS_TEXT, AnswerView, request_id, BUS_OPTIONAL),
        BUS_FIELD("entry", BUS_TEXT, AnswerView, entry, BUS_OPTIONAL),
        BUS_FIELD("state", BUS_TEXT, AnswerView, state, BUS_OPTIONAL),
        BUS_FIELD("reason", BUS_TEXT, AnswerView, reason, BUS_OPTIONAL),
        BUS_FIELD("message", BUS_TEXT, AnswerView, message, BUS_OPTIONAL),
        BUS_FIELD("seq", BUS_UINT64, AnswerView, seq, BUS_OPTIONAL), /* 0 is the enrolment's */
        BUS_FIELD("result", BUS_TEXT, AnswerView, result, BUS_OPTIONAL),
};
static const BusDictionary answer_dictionary = BUS_DICTIONARY(answer_fields);

static const char *const outcome_names[] = {
        [LEDGER_DENIED] = "denied",
        [LEDGER_ACCEPTED] = "accepted",
        [LEDGER_KNOWN] = "known",
};

static int reply_answer(sd_bus_message *message, const LedgerAnswer *answer)
{
        AnswerView view = {
                .outcome = outcome_names[answer->outcome],
                .request_id = answer->request_id,
                .entry = answer->entry,
                .state = answer->state ? request_state_name(answer->state) : NULL,
                .reason = answer->error ? devbox_error_code(answer->error) : NULL,
                .message = answer->error ? answer->message : NULL,
                .result = answer->result,
                .digest = answer->digest,
                .seq = answer->logged || answer->outcome == LEDGER_KNOWN ? answer->seq : 0,
        };

        return bus_reply_dictionary(message, &answer_dictionary, &view);
}

static void count_answer(LedgerDaemon *self, const LedgerAnswer *answer)
{
        self->accepted += answer->outcome == LEDGER_ACCEPTED;
        self->known += answer->outcome == LEDGER_KNOWN;
        self->denied += answer->outcome == LEDGER_DENIED;
}

/* Rejections without an entry in the chain are not logged: unauthenticated input must not fill the journal.
 */
static void log_answer(const LedgerAnswer *answer)
{
        const char *outcome = answer->outcome == LEDGER_KNOWN ? "known"
                              : answer->error                 ? devbox_error_code(answer->error)
                                                              : "accepted";

        if (answer->error && !answer->logged && answer->error != DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                return;

        (void) log_full(LOG_INFO, 0,
                        LOG_FIELDS({ "DEVBOX_REQUEST", answer->request_id }, { "DEVBOX_OUTCOME", outcome },
                                   { "DEVBOX_CAPABILITY", strempty(answer->entry) }),
                        "Request %s: %s", answer->request_id[0] != '\0' ? answer->request_id : "without id",
                        outcome);
}

static int handle_accept(sd_bus_message *message, void *userdata)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
        LedgerDaemon *self = userdata;
        LedgerBundle bundle;

        int r = bundle_read(message, &bundle);
        if (r < 0)
                return r;
        r = ledger_accept(self->ledger, &bundle, &answer);
        if (r != 0)
                return r;
        (void) ledger_daemon_after_write(self, answer.failure);
        count_answer(self, &answer);
        log_answer(&answer);

        return reply_answer(message, &answer);
}

static int handle_started(sd_bus_message *message, void *userdata)
{
        LedgerDaemon *self = userdata;
        const char *request;

        if (sd_bus_message_read(message, "s", &request) < 0)
                return -EBADMSG;
        int r = ledger_daemon_after_write(self, ledger_started(self->ledger, request));

        return r != 0 ? r : bus_reply(message, NULL);
}

/* The part of a Result that Finish has. */
typedef struct Outcome {
        const char *status;
        int32_t exit_code, exit_signal;
        Bytes out, err;
        Result result;
} Outcome;

static const BusField outcome_fields[] = {
        BUS_FIELD("status", BUS_TEXT, Outcome, status, BUS_REQUIRED),
        BUS_FIELD("reason", BUS_TEXT, Outcome, result.reason),
        BUS_FIELD("message", BUS_TEXT, Outcome, result.message),
        BUS_FIELD("process_may_continue", BUS_BOOL, Outcome, result.process_may_continue),
        BUS_FIELD("exit_code", BUS_INT32, Outcome, exit_code),
        BUS_FIELD("exit_signal", BUS_INT32, Outcome, exit_signal),
        BUS_FIELD("stdout", BUS_BYTES, Outcome, out),
        BUS_FIELD("stdout_size", BUS_COUNT, Outcome, result.out.size),
        BUS_FIELD("stdout_sha256", BUS_ARRAY, Outcome, result.out.sha256, 0, SHA256_SIZE),
        BUS_FIELD("stdout_truncated", BUS_BOOL, Outcome, result.out.truncated),
        BUS_FIELD("stderr", BUS_BYTES, Outcome, err),
        BUS_FIELD("stderr_size", BUS_COUNT, Outcome, result.err.size),
        BUS_FIELD("stderr_sha256", BUS_ARRAY, Outcome, result.err.sha256, 0, SHA256_SIZE),
        BUS_FIELD("stderr_truncated", BUS_BOOL, Outcome, result.err.truncated),
        BUS_FIELD("started_at_ms", BUS_COUNT, Outcome, result.started_at_ms),
        BUS_FIELD("finished_at_ms", BUS_COUNT, Outcome, result.finished_at_ms),
};
static const BusDictionary outcome_dictionary = BUS_DICTIONARY_STRICT(outcome_fields);

static int outcome_read(sd_bus_message *message, Result *ret_result)
{
        Outcome outcome = { .exit_code = -1, .result.status = _RESULT_STATUS_MAX };

        int r = bus_dictionary_read(message, &outcome_dictionary, &outcome);
        if (r < 0)
                return r;

        for (int i = 0; i < _RESULT_STATUS_MAX; i++)
                if (streq(result_status_names[i], outcome.status))
                        outcome.result.status = i;
        if (outcome.result.status == _RESULT_STATUS_MAX)
                return -EBADMSG;

        outcome.result.exit = (ResultExit){ .code = outcome.exit_code, .signal = outcome.exit_signal };
        outcome.result.out.data = (SchemaBlob){ (uint8_t *) outcome.out.data, outcome.out.size };
        outcome.result.err.data = (SchemaBlob){ (uint8_t *) outcome.err.data, outcome.err.size };
        *ret_result = outcome.result;
        return 0;
}

static int handle_finish(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) char *result = NULL;
        LedgerDaemon *self = userdata;
        const char *request;
        Result outcome;

        if (sd_bus_message_read(message, "s", &request) < 0)
                return -EBADMSG;
        int r = outcome_read(message, &outcome);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_finish(self->ledger, request, &outcome, &result));

        return r != 0 ? r : bus_reply(message, "s", result);
}

LEDGER_METHOD(begin_session, ACCESS_AGENT);
LEDGER_METHOD(accept, ACCESS_AGENT);
LEDGER_METHOD(started, ACCESS_AGENT);
LEDGER_METHOD(finish, ACCESS_AGENT);

const sd_bus_vtable ledger_request_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("BeginSession", SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("ay", session, "s", checkpoint), on_begin_session,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Accept", SD_BUS_ARGS("s", request, "s", delivery, "as", approvals),
                                SD_BUS_RESULT("a{sv}", answer), on_accept, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Started", SD_BUS_ARGS("s", request), SD_BUS_NO_RESULT, on_started,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Finish", SD_BUS_ARGS("s", request, "a{sv}", outcome),
                                SD_BUS_RESULT("s", result), on_finish, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
