/* SPDX-License-Identifier: MIT */
/* How a request ended.
 *
 *     it did not start                cancelled or failed, as the agent says: nothing ran
 *     its worker made an end          exactly that: the agent can neither make one nor change the output
 *     its worker went without one     interrupted_unknown: it may have had an effect
 */

#include "ledger/request-end.h"

#include <stdio.h>

#include "proto/error.h"

static const char *sentence_of(const char *reason)
{
        DevboxError error;

        return devbox_error_from_code(reason, &error) == 0 ? devbox_error_sentence(error) : NULL;
}

/* What the agent passes on must be what the worker sent it. */
static int check_beginning(const WorkerEndStream *stream, Bytes beginning)
{
        Sha256 digest;

        sha256(beginning, &digest);
        return stream->beginning_size == beginning.size && sha256_equal(&stream->beginning_sha256, &digest)
                       ? 0
                       : DEVBOX_ERROR_BAD_SIG;
}

static ResultStream make_stream(const WorkerEndStream *stream, Bytes beginning)
{
        return (ResultStream){ .data = { (uint8_t *) beginning.data, beginning.size },
                               .size = (int64_t) MIN(stream->size, (uint64_t) SCHEMA_INTEGER_MAX),
                               .sha256 = stream->sha256,
                               .truncated = stream->size > beginning.size };
}

/* What a worker printed that ran nothing is why. */
static void set_message(RequestEnd *end, Bytes err)
{
        const char *sentence = sentence_of(end->worker.reason);
        const uint8_t *newline = err.size > 0 ? memchr(err.data, '\n', err.size) : NULL;

        if (end->worker.status == RESULT_FAILED && newline)
                (void) snprintf(end->message, sizeof end->message, "%.*s", (int) (newline - err.data),
                                (const char *) err.data);
        else if (sentence)
                (void) snprintf(end->message, sizeof end->message, "%s", sentence);
}

static int judge_worker(const Secret *end_key, const RequestRow *row, const AgentEnd *agent, RequestEnd *end)
{
        const WorkerEnd *worker = &end->worker;

        int r = worker_end_open(agent->end, end_key, &row->digest, &end->worker);
        if (r < 0)
                return DEVBOX_ERROR_BAD_SIG;
        r = check_beginning(&worker->out, agent->out);
        if (r == 0)
                r = check_beginning(&worker->err, agent->err);
        if (r != 0)
                return r;

        set_message(end, agent->err);
        end->state = REQUEST_FINISHED;
        end->result = (Result){ .status = (int) worker->status,
                                .reason = worker->reason[0] != '\0' ? end->worker.reason : NULL,
                                .message = end->message[0] != '\0' ? end->message : NULL,
                                .process_may_continue = worker->process_may_continue,
                                .exit = { worker->exit_code, worker->exit_signal },
                                .started_at_ms = (int64_t) worker->started_at_ms,
                                .finished_at_ms = (int64_t) worker->finished_at_ms };
        if (worker->status != RESULT_FAILED) {
                end->result.out = make_stream(&worker->out, agent->out);
                end->result.err = make_stream(&worker->err, agent->err);
        }
        return 0;
}

static int judge_unstarted(const AgentEnd *agent, RequestEnd *end)
{
        if ((agent->status != RESULT_CANCELLED && agent->status != RESULT_FAILED) || agent->end.size > 0 ||
            agent->out.size > 0 || agent->err.size > 0)
                return DEVBOX_ERROR_BAD_SCHEMA;

        end->state = REQUEST_FINISHED;
        end->result = (Result){ .status = (int) agent->status,
                                .reason = (char *) agent->reason,
                                .message = agent->reason ? (char *) sentence_of(agent->reason) : NULL,
                                .exit = { .code = -1 } };
        return 0;
}

int request_end_judge(const RequestRow *row, const Secret *end_key, const AgentEnd *agent,
                      RequestEnd *ret_end)
{
        *ret_end = (RequestEnd){ 0 };
        if (row->state == REQUEST_ACCEPTED)
                return judge_unstarted(agent, ret_end);
        if (agent->end.size > 0)
                return end_key ? judge_worker(end_key, row, agent, ret_end) : DEVBOX_ERROR_BAD_SIG;

        request_end_interrupt(row, ret_end);
        return 0;
}

void request_end_interrupt(const RequestRow *row, RequestEnd *ret_end)
{
        bool started = row->state == REQUEST_STARTED;

        *ret_end = (RequestEnd){ .state = started ? REQUEST_INTERRUPTED_UNKNOWN : REQUEST_INTERRUPTED,
                                 .result = { .status = started ? RESULT_INTERRUPTED_UNKNOWN
                                                               : RESULT_INTERRUPTED,
                                             .exit = { .code = -1 } } };
}
