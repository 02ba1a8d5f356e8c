/* SPDX-License-Identifier: MIT */
#pragma once

/* Judges how a request ended. */

#include "ledger/request.h"
#include "ledger/requests.h"

/* How it ended, in memory that `ret_result` borrows from. */
typedef struct RequestEnd {
        RequestState state; /* to be recorded */
        Result result;
        WorkerEnd worker;
        char message[512];
} RequestEnd;

/* `end_key` is that of its worker, if it was started. Errors: DEVBOX_ERROR_BAD_SIG `agent->end` or the
 * output is not what the worker made for this request; BAD_SCHEMA a request in this state cannot have
 * ended so. */
int request_end_judge(const RequestRow *row, const Secret *end_key, const AgentEnd *agent,
                      RequestEnd *ret_end);

/* Of a request whose agent, or ledger, went. */
void request_end_interrupt(const RequestRow *row, RequestEnd *ret_end);
