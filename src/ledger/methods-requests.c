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
        self->replays += devbox_error_is_replay(answer->error);
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
        bundle.agent = sd_bus_message_get_sender(message);
        r = agent_watch_start(&self->agents, bundle.agent);
        if (r != 0)
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
        _cleanup_(freep) char *permit = NULL;
        uint8_t worker_key[X25519_SIZE];
        LedgerDaemon *self = userdata;
        const char *request;

        int r = sd_bus_message_read(message, "s", &request);
        if (r >= 0)
                r = bus_array_read(message, worker_key, sizeof worker_key);
        if (r < 0)
                return -EBADMSG;
        r = ledger_daemon_after_write(self, ledger_started(self->ledger, request, worker_key, &permit));

        return r != 0 ? r : bus_reply(message, "s", permit);
}

typedef struct Outcome {
        const char *status;
        AgentEnd agent;
} Outcome;

static const BusField outcome_fields[] = {
        BUS_FIELD("status", BUS_TEXT, Outcome, status),
        BUS_FIELD("reason", BUS_TEXT, Outcome, agent.reason),
        BUS_FIELD("end", BUS_BYTES, Outcome, agent.end),
        BUS_FIELD("stdout", BUS_BYTES, Outcome, agent.out),
        BUS_FIELD("stderr", BUS_BYTES, Outcome, agent.err),
};
static const BusDictionary outcome_dictionary = BUS_DICTIONARY_STRICT(outcome_fields);

static int outcome_read(sd_bus_message *message, AgentEnd *ret_agent)
{
        Outcome outcome = { .agent.status = _RESULT_STATUS_MAX };

        int r = bus_dictionary_read(message, &outcome_dictionary, &outcome);
        if (r < 0)
                return r;

        for (int i = 0; outcome.status && i < _RESULT_STATUS_MAX; i++)
                if (streq(result_status_names[i], outcome.status))
                        outcome.agent.status = (ResultStatus) i;
        if (outcome.status && outcome.agent.status == _RESULT_STATUS_MAX)
                return -EBADMSG;

        *ret_agent = outcome.agent;
        return 0;
}

static int handle_finish(sd_bus_message *message, void *userdata)
{
        _cleanup_(freep) char *result = NULL;
        LedgerDaemon *self = userdata;
        const char *request;
        AgentEnd agent;

        if (sd_bus_message_read(message, "s", &request) < 0)
                return -EBADMSG;
        int r = outcome_read(message, &agent);
        if (r < 0)
                return r;
        r = ledger_daemon_after_write(self, ledger_finish(self->ledger, request, &agent, &result));

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
        SD_BUS_METHOD_WITH_ARGS("Started", SD_BUS_ARGS("s", request, "ay", worker_key),
                                SD_BUS_RESULT("s", permit), on_started, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Finish", SD_BUS_ARGS("s", request, "a{sv}", outcome),
                                SD_BUS_RESULT("s", result), on_finish, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
