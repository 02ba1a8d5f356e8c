/* SPDX-License-Identifier: MIT */
#pragma once

/* A result: the outcome of a request, also of a denied one, and the position of the audit chain. Signed by
 * the device. */

#include "crypto/sha256.h"
#include "trust/envelope.h"

#define RESULT_STREAM_MAX (64 * 1024)

typedef enum ResultStatus {
        RESULT_FINISHED, /* ran to its end: see the exit */
        RESULT_DENIED,   /* never ran: see the reason */
        RESULT_TIMEOUT,
        RESULT_CANCELLED,
        RESULT_FAILED,              /* could not be started */
        RESULT_INTERRUPTED,         /* accepted, then a crash: it never started */
        RESULT_INTERRUPTED_UNKNOWN, /* started, then a crash: the outcome is unknown; it is not run again */
        _RESULT_STATUS_MAX,
} ResultStatus;

typedef struct ResultExit {
        int64_t code;   /* 0..255; -1: it did not exit, or never ran */
        int64_t signal; /* 0: none */
} ResultExit;

typedef struct ResultStream {
        SchemaBlob data; /* the beginning */
        int64_t size;    /* of all of it, in bytes */
        Sha256 sha256;   /* of all of it */
        bool truncated;  /* there is more of it than `data` */
} ResultStream;

typedef struct Result {
        char *request_id;
        Sha256 request_sha256;
        char *device;
        char *boot_id;             /* 32 hexadecimal digits */
        int status;                /* ResultStatus */
        char *reason;              /* an error code (proto/error.h); NULL: none */
        char *message;             /* its sentence */
        bool process_may_continue; /* it ran out of time where it cannot be killed */
        ResultExit exit;
        ResultStream out, err;
        int64_t started_at_ms, finished_at_ms;
        int64_t seq;  /* of its audit entry */
        int64_t size; /* of the chain, after that */
        Sha256 head;
} Result;

/* Whether it is left out, which is not the same as empty: empty output has a digest. */
bool result_stream_is_absent(const ResultStream *stream);

/* Rejects outcomes that cannot be: an exit or output without a run; an exit code and a signal; output whose
 * length, digest and truncation do not fit together. */
extern const Schema result_schema;
DEFINE_SIGNED_DOCUMENT(Result, result);

extern const char *const result_status_names[_RESULT_STATUS_MAX + 1]; /* ends with NULL */
