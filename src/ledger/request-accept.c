/* SPDX-License-Identifier: MIT */
/* Accepting requests.
 *
 * An acceptance is one transaction of the request's row (its id and nonce are used up), its approvals, the
 * audit entry and the time floor; only after the commit the answer is LEDGER_ACCEPTED. What a denial records
 * depends on the reason:
 *
 *     unauthenticated                 a count (ledger/tally.h), which must not grow the chain
 *     never allowed                   an audit entry, and a row: sent again, it gets the same answer
 *     not now, or not this delivery   an audit entry; the same request may be sent again
 *     the ledger cannot write         nothing
 */

#include "ledger/request.h"

#include <stdio.h>
#include <sys/statvfs.h>

#include "audit/ledger-database.h"
#include "ledger/ledger-internal.h"

/* ---- audit entries */

/* Borrows from the verdict, except the arguments and the list; describe_done() frees those. */
static int describe(const AcceptVerdict *verdict, AuditBody *body)
{
        const Request *request = verdict->request;
        size_t room = sizeof body->approvals.items[0] * MAX(verdict->n_approvals, (size_t) 1);

        body->request_sha256 = verdict->digest;
        if (!request)
                return 0;

        body->request_id = request->request_id;
        body->capability = request->capability;
        body->entry = verdict->capability ? verdict->capability->id : NULL;
        body->mxid = request->origin.mxid;
        body->room = request->origin.room;
        body->event_id = request->origin.event_id;
        body->manifest = request->manifest;
        body->approvals.items = calloc(1, room);
        if (!body->approvals.items)
                return -ENOMEM;
        for (size_t i = 0; i < verdict->n_approvals; i++)
                body->approvals.items[body->approvals.n++] =
                        (AuditApproval){ .approver = verdict->approvals[i]->approver,
                                         .approval_msg_id = verdict->approvals[i]->approval_msg_id,
                                         .tier = verdict->approvals[i]->tier,
                                         .sha256 = verdict->approval_digests[i] };

        return audit_redact(request, verdict->capability, &body->arguments, &body->arguments_sha256);
}

static void describe_done(AuditBody *body)
{
        free(body->arguments);
        free(body->approvals.items);
}

/* If the arguments are too long for an entry, or not of its profile, it holds their digests. */
static int append_described(ChainTransaction *write, AuditType type, uint64_t now_ms, AuditBody *body,
                            const AcceptVerdict *verdict)
{
        uint64_t seq;

        int r = chain_append(write, type, now_ms, body, &seq);
        if (r <= 0)
                return r;

        free(TAKE_PTR(body->arguments));
        r = audit_redact(verdict->request, NULL, &body->arguments, &body->arguments_sha256);
        if (r < 0)
                return r;
        r = chain_append(write, type, now_ms, body, &seq);
        if (r <= 0 || type != AUDIT_REQUEST_DENIED)
                return r;

        free(TAKE_PTR(body->arguments));
        body->subject = NULL;
        return chain_append(write, type, now_ms, body, &seq);
}

/* ---- acceptance */

static uint64_t keep_until(const Ledger *ledger, const AcceptVerdict *verdict, uint64_t now_ms)
{
        uint64_t skew_ms = (uint64_t) ledger->policy.manifest->limits.skew_s * 1000;

        return MAX(verdict->start_until_ms + skew_ms, now_ms + REQUEST_KEEP_MS);
}

/* Rows that have expired by now may be dropped: the same transaction raises the time floor to now. */
static int make_room(Ledger *ledger, uint64_t now_ms)
{
        if (ledger->requests.n < ledger->requests.max)
                return 0;

        int r = requests_prune(&ledger->requests, now_ms);
        return r < 0 ? r : ledger->requests.n < ledger->requests.max ? 0 : DEVBOX_ERROR_BUSY;
}

/* Keeps the signed documents behind the entry, except a request with redacted arguments. */
static int keep_evidence(const Ledger *ledger, const AcceptInput *input, const AcceptVerdict *verdict,
                         const AuditBody *body)
{
        int r = audit_body_is_redacted(body) ? 0 : evidence_keep(&ledger->evidence, input->request);

        for (size_t i = 0; r == 0 && i < verdict->n_approvals; i++)
                r = evidence_keep(&ledger->evidence, input->approvals[i]);

        return r;
}

static int write_acceptance(Ledger *ledger, ChainTransaction *write, const AcceptInput *input,
                            const AcceptVerdict *verdict, uint64_t now_ms)
{
        _cleanup_(describe_done) AuditBody body = { 0 };

        /* A wrong clock may have dropped its row; evidence is never dropped. */
        int r = evidence_exists(&ledger->evidence, &verdict->digest);
        if (r != 0)
                return r < 0 ? r : DEVBOX_ERROR_NONCE_REPLAY;
        r = make_room(ledger, now_ms);
        if (r != 0)
                return r;
        r = describe(verdict, &body);
        if (r < 0)
                return r;
        r = append_described(write, AUDIT_REQUEST_ACCEPTED, now_ms, &body, verdict);
        if (r != 0)
                return r;
        r = keep_evidence(ledger, input, verdict, &body);
        if (r < 0)
                return r;
        r = requests_add(&ledger->requests,
                         &(NewRequest){ .request = verdict->request,
                                        .dispatcher = &verdict->dispatcher,
                                        .digest = &verdict->digest,
                                        .manifest = &ledger->policy.floor.digest,
                                        .entry = verdict->capability->id,
                                        .approvals = verdict->approval_digests,
                                        .n_approvals = verdict->n_approvals,
                                        .state = REQUEST_ACCEPTED,
                                        .now_ms = now_ms,
                                        .start_until_ms = verdict->start_until_ms,
                                        .keep_until_ms = keep_until(ledger, verdict, now_ms),
                                        .seq = ledger->chain.pending.size - 1 });
        if (r < 0)
                return r;

        return state_write_integer(ledger->database, LEDGER_TIME_FLOOR,
                                   (int64_t) MAX(ledger->time_floor_ms, now_ms));
}

static int commit_acceptance(Ledger *ledger, const AcceptInput *input, const AcceptVerdict *verdict,
                             uint64_t now_ms, LedgerAnswer *answer)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t n_requests = ledger->requests.n;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r == 0)
                r = write_acceptance(ledger, &write, input, verdict, now_ms);
        if (r == 0)
                r = chain_transaction_commit(&write);
        if (r != 0) {
                ledger->requests.n = n_requests;
                return r;
        }

        ledger->time_floor_ms = MAX(ledger->time_floor_ms, now_ms);
        answer->outcome = LEDGER_ACCEPTED;
        answer->state = REQUEST_ACCEPTED;
        answer->seq = ledger->chain.committed.size - 1;
        answer->logged = true;
        return 0;
}

/* ---- denial */

/* Whether the request is denied whenever and however it is delivered. */
static bool is_final(int error)
{
        switch (error) {
        case DEVBOX_ERROR_OPERATOR_UNKNOWN:
        case DEVBOX_ERROR_UNKNOWN_CAPABILITY:
        case DEVBOX_ERROR_DISPATCHER_SCOPE:
        case DEVBOX_ERROR_BINARY_NOT_ALLOWED:
        case DEVBOX_ERROR_ARGS_DENIED:
        case DEVBOX_ERROR_PATH_DENIED:
                return true;
        default:
                return false;
        }
}

static int sign_denial(Ledger *ledger, const AcceptVerdict *verdict, LedgerAnswer *answer)
{
        Result result = { .request_id = verdict->request->request_id,
                          .request_sha256 = verdict->digest,
                          .status = RESULT_DENIED,
                          .reason = (char *) devbox_error_code(answer->error),
                          .message = answer->message,
                          .exit = { .code = -1 } };

        return ledger_sign_result(ledger, &result, ledger->chain.pending.size - 1, &answer->result);
}

static int write_denial(Ledger *ledger, ChainTransaction *write, const AcceptVerdict *verdict,
                        LedgerAnswer *answer)
{
        _cleanup_(describe_done) AuditBody body = {
                .status = (char *) devbox_error_audit_status(answer->error),
                .reason = (char *) devbox_error_code(answer->error),
                .subject = verdict->subject[0] != '\0' ? (char *) verdict->subject : NULL,
        };
        uint64_t now_ms = ledger_time(ledger).now_ms;

        int r = describe(verdict, &body);
        if (r < 0)
                return r;
        r = append_described(write, AUDIT_REQUEST_DENIED, now_ms, &body, verdict);
        if (r != 0 || !verdict->request)
                return r;
        r = sign_denial(ledger, verdict, answer);
        if (r != 0 || !is_final(answer->error) || ledger->requests.n >= ledger->requests.max / 2)
                return r; /* denials take at most half of the rows */

        answer->state = REQUEST_DENIED;
        return requests_add(&ledger->requests, &(NewRequest){ .request = verdict->request,
                                                              .dispatcher = &verdict->dispatcher,
                                                              .digest = &verdict->digest,
                                                              .manifest = &ledger->policy.floor.digest,
                                                              .state = REQUEST_DENIED,
                                                              .now_ms = now_ms,
                                                              .keep_until_ms = now_ms + REQUEST_KEEP_MS,
                                                              .seq = ledger->chain.pending.size - 1,
                                                              .result = answer->result });
}

static int commit_denial(Ledger *ledger, const AcceptVerdict *verdict, LedgerAnswer *answer)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t n_requests = ledger->requests.n;
        unsigned suppressed;

        if (verdict->counted ||
            !ratelimit_pass(&ledger->denials, ledger_time(ledger).now_ms * USEC_PER_MSEC, &suppressed)) {
                tally_add(&ledger->tally, answer->error);
                return 0;
        }

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r == 0)
                r = write_denial(ledger, &write, verdict, answer);
        if (r == 0)
                r = chain_transaction_commit(&write);
        if (r != 0) {
                ledger->requests.n = n_requests;
                free(TAKE_PTR(answer->result));
                return r;
        }

        answer->seq = ledger->chain.committed.size - 1;
        answer->logged = true;
        return 0;
}

static void set_error(LedgerAnswer *answer, int error, const char *subject)
{
        answer->outcome = LEDGER_DENIED;
        answer->error = (DevboxError) error;
        answer->state = 0;
        devbox_error_sentence_about(answer->error, subject, answer->message, sizeof answer->message);
}

/* ---- decision */

static int answer_known(Ledger *ledger, const AcceptVerdict *verdict, LedgerAnswer *answer)
{
        _cleanup_(request_row_done) RequestRow row = { 0 };

        int r = requests_find_known(&ledger->requests, &verdict->dispatcher, &verdict->digest, &row);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        answer->outcome = LEDGER_KNOWN;
        answer->state = row.state;
        answer->seq = row.seq;
        answer->result = TAKE_PTR(row.result);
        return 0;
}

/* The reserve is for requests in progress. */
static bool disk_is_full(const Ledger *ledger)
{
        struct statvfs disk;

        return fstatvfs(ledger->directory_fd, &disk) < 0 ||
               (uint64_t) disk.f_bavail * disk.f_frsize < LEDGER_RESERVE_BYTES;
}

AcceptDevice ledger_accept_device(const Ledger *ledger, LedgerTime time)
{
        AcceptDevice device = { .name = ledger->chain.device,
                                .root = ledger->policy.root,
                                .manifest = ledger->policy.manifest,
                                .manifest_digest = ledger->policy.floor.digest,
                                .manifest_confirmed_at_ms = ledger->policy.confirmed_at_ms,
                                .counters = ledger->session.begun ? &ledger->session.counters : NULL,
                                .now_ms = time.now_ms,
                                .time_floor_ms = ledger->time_floor_ms,
                                .issued_floor_ms = ledger->issued_floor_ms,
                                .clock_synchronised = time.synchronised };

        memcpy(device.session, ledger->session.nonce, sizeof device.session);
        return device;
}

int ledger_check_limits(const Ledger *ledger)
{
        if (ledger->policy.outside)
                return DEVBOX_ERROR_MANIFEST_CEILING;

        return disk_is_full(ledger) ? -ENOSPC : 0;
}

static int judge(Ledger *ledger, const AcceptInput *input, LedgerTime time, AcceptVerdict *verdict)
{
        AcceptLedger memory = requests_ledger;
        AcceptDevice device = ledger_accept_device(ledger, time);

        memory.ledger = &ledger->requests;
        int r = accept_request(&device, &memory, input, verdict);
        if (verdict->counter > 0 &&
            delivery_counters_set(&ledger->session.counters, &verdict->dispatcher, verdict->counter) < 0)
                ledger->session.begun = false; /* more dispatchers than one session has; the next is empty */
        if (r != 0 || verdict->known)
                return r;

        return ledger_check_limits(ledger);
}

static int decide(Ledger *ledger, const AcceptInput *input, LedgerAnswer *answer)
{
        _cleanup_(accept_verdict_done) AcceptVerdict verdict = ACCEPT_VERDICT_NULL;
        LedgerTime time = ledger_time(ledger);

        int r = judge(ledger, input, time, &verdict);
        answer->digest = verdict.digest;
        if (verdict.request)
                (void) snprintf(answer->request_id, sizeof answer->request_id, "%s",
                                verdict.request->request_id);
        if (verdict.capability) {
                answer->entry = strdup(verdict.capability->id);
                if (!answer->entry)
                        return -ENOMEM;
        }

        if (r == 0)
                r = verdict.known ? answer_known(ledger, &verdict, answer)
                                  : commit_acceptance(ledger, input, &verdict, time.now_ms, answer);
        if (r > 0) {
                set_error(answer, r, verdict.subject);
                if (answer->error != DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                        r = commit_denial(ledger, &verdict, answer);
                else
                        r = 0;
        }

        return r;
}

static int parse_bundle(const LedgerBundle *bundle, Envelope *envelopes[static 2 + APPROVALS_MAX])
{
        const char *texts[2 + APPROVALS_MAX] = { bundle->request, bundle->delivery };

        for (size_t i = 0; i < bundle->n_approvals; i++)
                texts[2 + i] = bundle->approvals[i];

        for (size_t i = 0; i < 2 + bundle->n_approvals; i++) {
                int r = envelope_parse(bytes_of_string(texts[i]), i == 0 ? ENVELOPE_PAYLOAD_MAX : 4096,
                                       &envelopes[i]);
                if (r != 0)
                        return r;
        }

        return 0;
}

static int accept_bundle(Ledger *ledger, const LedgerBundle *bundle, LedgerAnswer *answer)
{
        Envelope *envelopes[2 + APPROVALS_MAX] = { NULL };
        AcceptInput input = { .n_approvals = bundle->n_approvals };

        int r = parse_bundle(bundle, envelopes);
        if (r == 0) {
                input.request = envelopes[0];
                input.delivery = envelopes[1];
                for (size_t i = 0; i < bundle->n_approvals; i++)
                        input.approvals[i] = envelopes[2 + i];
                r = decide(ledger, &input, answer);
                if (r != 0 && r != -ENOMEM) { /* fail closed */
                        answer->failure = r < 0 ? r : 0;
                        set_error(answer, DEVBOX_ERROR_AUDIT_UNAVAILABLE, NULL);
                        r = 0;
                }
        } else if (r > 0) {
                set_error(answer, r, NULL);
                tally_add(&ledger->tally, r);
                r = 0;
        }

        for (size_t i = 0; i < ELEMENTSOF(envelopes); i++)
                envelope_free(envelopes[i]);
        return r;
}

int ledger_accept(Ledger *ledger, const LedgerBundle *bundle, LedgerAnswer *ret_answer)
{
        LedgerAnswer answer = LEDGER_ANSWER_NULL;

        if (!chain_exists(&ledger->chain) || !ledger_key_fits(ledger))
                return DEVBOX_ERROR_NOT_ENROLLED;
        if (bundle->n_approvals > APPROVALS_MAX)
                return DEVBOX_ERROR_BAD_REQUEST;

        int r = accept_bundle(ledger, bundle, &answer);
        if (r != 0) {
                ledger_answer_done(&answer);
                return r;
        }

        *ret_answer = answer;
        return 0;
}

void ledger_answer_done(LedgerAnswer *answer)
{
        free(answer->entry);
        free(answer->result);
        *answer = LEDGER_ANSWER_NULL;
}
