/* SPDX-License-Identifier: MIT */
/* A result: its table. */

#include "trust/result.h"

#include "proto/error.h"
#include "proto/id.h"

const char *const result_status_names[_RESULT_STATUS_MAX + 1] = {
        [RESULT_FINISHED] = "finished",
        [RESULT_DENIED] = "denied",
        [RESULT_TIMEOUT] = "timeout",
        [RESULT_CANCELLED] = "cancelled",
        [RESULT_FAILED] = "failed",
        [RESULT_INTERRUPTED] = "interrupted",
        [RESULT_INTERRUPTED_UNKNOWN] = "interrupted_unknown",
};

static bool boot_id_valid(const char *text)
{
        return strspn(text, "0123456789abcdef") == 32 && text[32] == '\0';
}

static bool reason_valid(const char *text)
{
        DevboxError error;

        return devbox_error_from_code(text, &error) == 0;
}

/* Whether the process ran, so that it can have an exit and output. */
static bool status_has_run(int status)
{
        return status == RESULT_FINISHED || status == RESULT_TIMEOUT || status == RESULT_CANCELLED;
}

static const char *check_exit(const Result *result)
{
        bool exited = result->exit.code >= 0, killed = result->exit.signal > 0;

        if (exited && killed)
                return "has an exit code and a signal";
        if ((exited || killed) && !status_has_run(result->status))
                return "has an exit, but it did not run";

        return result->status == RESULT_FINISHED && !exited && !killed ? "finished without an exit" : NULL;
}

/* The digest of truncated output cannot be checked here. */
static const char *check_stream(const Result *result, const ResultStream *stream)
{
        bool complete = stream->size == (int64_t) stream->data.size;
        Sha256 digest;

        if (result_stream_is_absent(stream))
                return NULL;
        if (!status_has_run(result->status))
                return "has output, but it did not run";
        if (stream->size < (int64_t) stream->data.size)
                return "has more output than its length";
        if (stream->truncated == complete)
                return complete ? "has truncated output that is complete"
                                : "lacks output without truncation";
        if (sha256_is_null(&stream->sha256))
                return "has output without a digest";

        sha256(BYTES(stream->data.data, stream->data.size), &digest);
        return complete && !sha256_equal(&digest, &stream->sha256) ? "has another digest than its output"
                                                                   : NULL;
}

static const char *check(const void *object)
{
        const Result *result = object;
        const char *why = check_exit(result);

        why = why ? why : check_stream(result, &result->out);
        why = why ? why : check_stream(result, &result->err);
        if (why)
                return why;

        if (result->status == RESULT_DENIED && !result->reason)
                return "is a denial without a reason";
        if (result->finished_at_ms < result->started_at_ms)
                return "finished before it started";

        return result->seq < result->size ? NULL : "is beyond the end of its chain";
}

bool result_stream_is_absent(const ResultStream *stream)
{
        return stream->data.size == 0 && stream->size == 0 && !stream->truncated &&
               sha256_is_null(&stream->sha256);
}

#define AT(member) offsetof(Result, member)

/* clang-format off */
static const SchemaField exit_fields[] = {
        { "code",   SCHEMA_INTEGER, true, offsetof(ResultExit, code), -1, 255 },
        { "signal", SCHEMA_INTEGER, true, offsetof(ResultExit, signal), 0, 64 },
};
static const Schema exit_schema = { .size = sizeof(ResultExit), SCHEMA_TABLE(exit_fields) };

static const SchemaField stream_fields[] = {
        { "b64",       SCHEMA_BASE64,  true,  offsetof(ResultStream, data), 0, RESULT_STREAM_MAX },
        { "len",       SCHEMA_INTEGER, true,  offsetof(ResultStream, size), 0, SCHEMA_INTEGER_MAX },
        { "sha256",    SCHEMA_HEX,     true,  offsetof(ResultStream, sha256), .max = SHA256_SIZE },
        { "truncated", SCHEMA_BOOLEAN, true,  offsetof(ResultStream, truncated) },
};
static const Schema stream_schema = { .size = sizeof(ResultStream), SCHEMA_TABLE(stream_fields) };

static const SchemaField fields[] = {
        { "v",              SCHEMA_CONSTANT, true,  .min = 1 },
        { "request_id",     SCHEMA_STRING,   true,  AT(request_id), 26, 26, .valid = ulid_valid },
        { "request_sha256", SCHEMA_HEX,      true,  AT(request_sha256), .max = SHA256_SIZE },
        { "device",         SCHEMA_STRING,   true,  AT(device), 1, 63, .valid = device_name_valid },
        { "boot_id",        SCHEMA_STRING,   true,  AT(boot_id), 32, 32, .valid = boot_id_valid },
        { "status",         SCHEMA_NAME,     true,  AT(status), .names = result_status_names },
        { "reason",         SCHEMA_STRING,   false, AT(reason), 1, 64, .valid = reason_valid },
        { "message",        SCHEMA_STRING,   false, AT(message), 1, 512 },
        { "process_may_continue", SCHEMA_BOOLEAN, false, AT(process_may_continue) },
        { "exit",           SCHEMA_OBJECT,   true,  AT(exit), .nested = &exit_schema },
        { "stdout",         SCHEMA_OBJECT,   false, AT(out), .nested = &stream_schema },
        { "stderr",         SCHEMA_OBJECT,   false, AT(err), .nested = &stream_schema },
        { "started_at",     SCHEMA_TIMESTAMP,  false, AT(started_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "finished_at",    SCHEMA_TIMESTAMP,  false, AT(finished_at_ms), 0, SCHEMA_INTEGER_MAX },
        { "seq",            SCHEMA_INTEGER,  true,  AT(seq), 0, SCHEMA_INTEGER_MAX },
        { "size",           SCHEMA_INTEGER,  true,  AT(size), 1, SCHEMA_INTEGER_MAX },
        { "head",           SCHEMA_HEX,      true,  AT(head), .max = SHA256_SIZE },
};
/* clang-format on */

const Schema result_schema = {
        .size = sizeof(Result), .max_bytes = 256 * 1024, SCHEMA_TABLE(fields), .check = check
};
