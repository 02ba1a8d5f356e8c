/* SPDX-License-Identifier: MIT */
/* What a decision on a request leaves behind.
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

#include "ledger/request-commit.h"

#include "audit/ledger-database.h"
#include "ledger/confirmation.h"
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
        body->principal = request->origin.principal;
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
        int r = audit_body_is_redacted(body) ? 0 : evidence_keep(ledger->database, NULL, input->request);

        for (size_t i = 0; r == 0 && i < verdict->n_approvals; i++)
                r = evidence_keep(ledger->database, NULL, input->approvals[i]);

        return r;
}

static int write_acceptance(Ledger *ledger, ChainTransaction *write, const Acceptance *acceptance)
{
        const AcceptVerdict *verdict = acceptance->verdict;
        uint64_t now_ms = acceptance->now_ms;
        _cleanup_(describe_done) AuditBody body = { 0 };

        /* A wrong clock may have dropped its row; evidence is never dropped. */
        int r = evidence_exists(ledger->database, &verdict->digest);
        if (r != 0)
                return r < 0 ? r : DEVBOX_ERROR_NONCE_REPLAY;
        r = make_room(ledger, now_ms);
        if (r != 0)
                return r;
        r = confirmation_log(ledger, write, verdict->capability, now_ms);
        if (r != 0)
                return r;
        r = describe(verdict, &body);
        if (r < 0)
                return r;
        r = append_described(write, AUDIT_REQUEST_ACCEPTED, now_ms, &body, verdict);
        if (r != 0)
                return r;
        r = keep_evidence(ledger, acceptance->input, verdict, &body);
        if (r < 0)
                return r;
        r = requests_add(&ledger->requests,
                         &(NewRequest){ .request = verdict->request,
                                        .dispatcher = &verdict->dispatcher,
                                        .digest = &verdict->digest,
                                        .manifest = &ledger->policy.floor.digest,
                                        .entry = verdict->capability->id,
                                        .agent = acceptance->agent,
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

int request_commit_acceptance(Ledger *ledger, const Acceptance *acceptance, LedgerAnswer *answer)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        uint64_t n_requests = ledger->requests.n;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r == 0)
                r = write_acceptance(ledger, &write, acceptance);
        if (r == 0)
                r = chain_transaction_commit(&write);
        if (r != 0) {
                ledger->requests.n = n_requests;
                return r;
        }

        ledger->time_floor_ms = MAX(ledger->time_floor_ms, acceptance->now_ms);
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
        case DEVBOX_ERROR_REQUEST_WITHDRAWN:
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

int request_commit_denial(Ledger *ledger, const AcceptVerdict *verdict, LedgerAnswer *answer)
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
