/* SPDX-License-Identifier: MIT */
#pragma once

/* Sessions and requests: accepting, starting and finishing. Errors as in ledger/ledger.h. */

#include "crypto/x25519.h"
#include "ledger/ledger.h"
#include "trust/worker-end.h"

/* Begins a session; the one before is over. Errors: DEVBOX_ERROR_NOT_ENROLLED; RATE_LIMITED too many in the
 * last minute, and the current one goes on. */
int ledger_begin_session(Ledger *ledger, uint8_t ret_session[SESSION_NONCE_SIZE]);

typedef struct LedgerBundle {
        const char *request, *delivery; /* envelopes */
        const char *approvals[APPROVALS_MAX];
        size_t n_approvals;
        const char *agent; /* whom it is accepted for: see ledger_interrupt(); NULL: no one */
} LedgerBundle;

typedef enum LedgerOutcome {
        LEDGER_DENIED,
        LEDGER_ACCEPTED, /* run it: once, now */
        LEDGER_KNOWN,    /* it was decided before: see state and result */
} LedgerOutcome;

typedef struct LedgerAnswer {
        LedgerOutcome outcome;
        DevboxError error; /* why it was denied; 0: it was not */
        int failure;       /* -errno behind AUDIT_UNAVAILABLE, for the log */
        char message[512];
        char request_id[ULID_SIZE]; /* empty: the request was not parsed */
        Sha256 digest;
        RequestState state; /* if accepted, known or denied for good; else 0 */
        uint64_t seq;
        bool logged;  /* there is an audit entry, whose number is `seq` */
        char *entry;  /* of the manifest, which allowed it */
        char *result; /* a signed result, where there is one; owned by the caller */
} LedgerAnswer;

#define LEDGER_ANSWER_NULL ((LedgerAnswer){ 0 })

/* Decides. Returns 0 and the answer, also for a denial; the caller releases it.
 * Errors: DEVBOX_ERROR_NOT_ENROLLED, BAD_REQUEST; < 0 only -ENOMEM. */
int ledger_accept(Ledger *ledger, const LedgerBundle *bundle, LedgerAnswer *ret_answer);
void ledger_answer_done(LedgerAnswer *answer);

/* `request` is the digest of the request in hexadecimal, or its id, unless two dispatchers used one id.
 * Spends the acceptance and gives the permit (trust/permit.h) for the worker that made `worker_key`; the
 * caller frees it. Errors: DEVBOX_ERROR_REQUEST_UNKNOWN; REQUEST_ID_CONFLICT the id is not unique;
 * REQUEST_STATE it was started, or has ended; BUSY too many run; BAD_REQUEST no such key; those of
 * accept_start(), and MANIFEST_CEILING. After an error the request stays open, until ledger_finish(),
 * ledger_interrupt() or the next start of the ledger ends it. */
int ledger_started(Ledger *ledger, const char *request, const uint8_t worker_key[static X25519_SIZE],
                   char **ret_permit);

/* What the agent reports of the end of a request; borrowed. */
typedef struct AgentEnd {
        Bytes end;           /* as the worker sent it (trust/worker-end.h); empty: there is none */
        Bytes out, err;      /* the beginning of what the worker sent, at most RESULT_STREAM_MAX */
        ResultStatus status; /* of a request that did not start: CANCELLED or FAILED; else ignored */
        const char *reason;  /* of that: a code of proto/error.h; NULL: none */
} AgentEnd;

/* Ends a request by the rules of request-end.h. Gives the signed result, which the caller frees; that of a
 * request that has ended already stays as it is. Errors: DEVBOX_ERROR_REQUEST_UNKNOWN; REQUEST_ID_CONFLICT;
 * BAD_SIG not what the worker made; BAD_SCHEMA no such outcome. */
int ledger_finish(Ledger *ledger, const char *request, const AgentEnd *agent, char **ret_result);

/* Interrupts the requests that were accepted for this agent and have not ended, because it is gone. Gives
 * their number. */
int ledger_interrupt(Ledger *ledger, const char *agent, size_t *ret_n);
