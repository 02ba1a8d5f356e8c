/* SPDX-License-Identifier: MIT */
#pragma once

/* What a decision on a request leaves behind, each in one transaction. */

#include "ledger/request.h"

typedef struct Acceptance {
        const AcceptInput *input;
        const AcceptVerdict *verdict;
        const char *agent; /* as in LedgerBundle */
        uint64_t now_ms;
} Acceptance;

/* Fills in outcome, state and seq. Errors: DEVBOX_ERROR_BUSY, NONCE_REPLAY; < 0, and nothing was written. */
int request_commit_acceptance(Ledger *ledger, const Acceptance *acceptance, LedgerAnswer *answer);

/* For answer->error. Fills in state and seq, and the signed result where there is one. */
int request_commit_denial(Ledger *ledger, const AcceptVerdict *verdict, LedgerAnswer *answer);
