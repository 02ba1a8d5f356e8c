/* SPDX-License-Identifier: MIT */
#pragma once

/* How a run ended, from the worker to the ledger through the agent. Integers are big-endian:
 *
 *     1 version (1) | 1 status | 1 flags: 1 the process may continue | 4 exit code | 4 signal
 *     1+n code of the reason | for standard output, then for error: 8 size, 32 digest, both of all of it,
 *     8 size, 32 digest of its beginning | 8 started, 8 finished, milliseconds since 1970
 *     32 HMAC-SHA256 of the request's digest and all before
 *
 * The beginning is what a result holds: RESULT_STREAM_MAX bytes at most, of what the agent was sent. */

#include "crypto/secret.h"
#include "trust/result.h"

#define WORKER_END_REASON_MAX 63
#define WORKER_END_SIZE_MAX   (12 + WORKER_END_REASON_MAX + 2 * 80 + 16 + SHA256_SIZE)

typedef struct WorkerEndStream {
        uint64_t size;
        Sha256 sha256;
        uint64_t beginning_size;
        Sha256 beginning_sha256;
} WorkerEndStream;

typedef struct WorkerEnd {
        ResultStatus status; /* FINISHED, TIMEOUT, CANCELLED or FAILED */
        bool process_may_continue;
        int exit_code; /* -1: it did not exit */
        int exit_signal;
        char reason[WORKER_END_REASON_MAX + 1]; /* "": none */
        WorkerEndStream out, err;
        uint64_t started_at_ms, finished_at_ms;
} WorkerEnd;

/* Returns the size. */
size_t worker_end_seal(const WorkerEnd *end, const Secret *key, const Sha256 *request_sha256,
                       uint8_t ret_bytes[static WORKER_END_SIZE_MAX]);

/* Errors: -EBADMSG no such bytes, or another key or request. */
int worker_end_open(Bytes bytes, const Secret *key, const Sha256 *request_sha256, WorkerEnd *ret_end);
