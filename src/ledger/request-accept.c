/* SPDX-License-Identifier: MIT */
/* Decides on requests: by the rules of trust/accept.h and the state of the ledger. */

#include "ledger/request.h"

#include <stdio.h>

#include "ledger/ledger-internal.h"
#include "ledger/request-commit.h"

static void set_error(LedgerAnswer *answer, int error, const char *subject)
{
        answer->outcome = LEDGER_DENIED;
        answer->error = (DevboxError) error;
        answer->state = 0;
        devbox_error_sentence_about(answer->error, subject, answer->message, sizeof answer->message);
}

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

        return ledger_disk_is_full(ledger) ? -ENOSPC : 0;
}

/* A delivery that withdraws is final for those before it: one of the same request may still be on its way.
 */
static int judge(Ledger *ledger, const AcceptInput *input, LedgerTime time, AcceptVerdict *verdict)
{
        AcceptLedger memory = requests_ledger;
        AcceptDevice device = ledger_accept_device(ledger, time);

        memory.ledger = &ledger->requests;
        int r = accept_request(&device, &memory, input, verdict);
        if (r == 0 && !verdict->known)
                r = ledger_check_limits(ledger);
        if (verdict->counter > 0 && delivery_counters_use(&ledger->session.counters, &verdict->dispatcher,
                                                          verdict->counter, verdict->withdrawn) < 0)
                ledger->session.begun = false; /* more dispatchers than one session has; the next is empty */
        return r;
}

static int decide(Ledger *ledger, const AcceptInput *input, const char *agent, LedgerAnswer *answer)
{
        _cleanup_(accept_verdict_done) AcceptVerdict verdict = ACCEPT_VERDICT_NULL;
        LedgerTime time = ledger_time(ledger);
        const Acceptance acceptance = {
                .input = input, .verdict = &verdict, .agent = agent, .now_ms = time.now_ms
        };

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
                                  : request_commit_acceptance(ledger, &acceptance, answer);
        if (r > 0) {
                set_error(answer, r, verdict.subject);
                if (answer->error != DEVBOX_ERROR_AUDIT_UNAVAILABLE)
                        r = request_commit_denial(ledger, &verdict, answer);
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
                r = decide(ledger, &input, bundle->agent, answer);
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
