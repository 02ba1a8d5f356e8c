/* SPDX-License-Identifier: MIT */
#pragma once

/* Every reason that a person can act on, in one table: code in JSON, D-Bus name, HTTP status, errno and
 * sentence. No other place maps errors. Functions that reject for one return it, as a positive int. */

#include "basic/macro.h"

typedef enum DevboxError {
        DEVBOX_ERROR_BAD_REQUEST = 1,
        DEVBOX_ERROR_HOST_NOT_ALLOWED,
        DEVBOX_ERROR_ORIGIN_NOT_ALLOWED,
        DEVBOX_ERROR_TOKEN_REQUIRED,
        DEVBOX_ERROR_TOKEN_INVALID,
        DEVBOX_ERROR_TOKEN_PLACEHOLDER,
        DEVBOX_ERROR_ACCESS_DENIED,
        DEVBOX_ERROR_NOT_FOUND,
        DEVBOX_ERROR_JOB_NOT_FOUND,
        DEVBOX_ERROR_METHOD_NOT_ALLOWED,
        DEVBOX_ERROR_LENGTH_REQUIRED,
        DEVBOX_ERROR_BODY_TOO_LARGE,
        DEVBOX_ERROR_BUSY,
        DEVBOX_ERROR_CONFIG_INVALID,
        DEVBOX_ERROR_COLLECTOR_UNAVAILABLE,
        DEVBOX_ERROR_COLLECTOR_TIMEOUT,
        DEVBOX_ERROR_SYSTEMD_UNAVAILABLE,
        DEVBOX_ERROR_MESH_UNAVAILABLE,
        DEVBOX_ERROR_MESH_TIMEOUT,
        DEVBOX_ERROR_DISPATCH_UNAVAILABLE,
        DEVBOX_ERROR_BUS_UNAVAILABLE,
        DEVBOX_ERROR_SAMPLE_FAILED,
        DEVBOX_ERROR_INTERNAL,
        /* Signed documents: see trust/accept.h for the order in which a request meets them. */
        DEVBOX_ERROR_BAD_ENVELOPE,
        DEVBOX_ERROR_BAD_SIG,
        DEVBOX_ERROR_UNKNOWN_KEY,
        DEVBOX_ERROR_BAD_SCHEMA,
        DEVBOX_ERROR_WRONG_DEVICE,
        DEVBOX_ERROR_PEER_REVOKED,
        DEVBOX_ERROR_SESSION_MISMATCH,
        DEVBOX_ERROR_REQUEST_WITHDRAWN,
        DEVBOX_ERROR_REQUEST_ID_CONFLICT,
        DEVBOX_ERROR_NONCE_REPLAY,
        DEVBOX_ERROR_CLOCK_ROLLBACK,
        DEVBOX_ERROR_CLOCK_UNSYNCED,
        DEVBOX_ERROR_NOT_YET_VALID,
        DEVBOX_ERROR_EXPIRED,
        DEVBOX_ERROR_STALE_MANIFEST,
        DEVBOX_ERROR_MANIFEST_NEEDED,
        DEVBOX_ERROR_MANIFEST_MISSING,
        DEVBOX_ERROR_MANIFEST_UNCONFIRMED,
        DEVBOX_ERROR_MANIFEST_EXPIRED,
        DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE,
        DEVBOX_ERROR_MANIFEST_ROLLBACK,
        DEVBOX_ERROR_MANIFEST_FORK,
        DEVBOX_ERROR_MANIFEST_CEILING,
        DEVBOX_ERROR_ROOT_CHAIN,
        DEVBOX_ERROR_ROOT_EXPIRED,
        DEVBOX_ERROR_ROOT_NEEDED,
        DEVBOX_ERROR_UNAUTHORIZED,
        DEVBOX_ERROR_TOKEN_EXPIRED,
        DEVBOX_ERROR_TOKEN_USED,
        DEVBOX_ERROR_OPERATOR_UNKNOWN,
        DEVBOX_ERROR_UNKNOWN_CAPABILITY,
        DEVBOX_ERROR_DISPATCHER_SCOPE,
        DEVBOX_ERROR_BINARY_NOT_ALLOWED,
        DEVBOX_ERROR_ARGS_DENIED,
        DEVBOX_ERROR_PATH_DENIED,
        DEVBOX_ERROR_OUTSIDE_WINDOW,
        DEVBOX_ERROR_RATE_LIMITED,
        DEVBOX_ERROR_APPROVAL_MISSING,
        DEVBOX_ERROR_APPROVAL_MISMATCH,
        DEVBOX_ERROR_APPROVAL_EXPIRED,
        DEVBOX_ERROR_APPROVAL_DENIED,
        DEVBOX_ERROR_APPROVAL_REUSED,
        DEVBOX_ERROR_AUDIT_UNAVAILABLE,
        DEVBOX_ERROR_WITNESS_STALE,
        DEVBOX_ERROR_WITNESS_ROLLBACK,
        DEVBOX_ERROR_WITNESS_FORK,
        DEVBOX_ERROR_MESH_UNREACHABLE,
        DEVBOX_ERROR_CAPABILITY_UNAVAILABLE,
        DEVBOX_ERROR_OOM,
        /* The ledger. */
        DEVBOX_ERROR_NOT_ENROLLED,
        DEVBOX_ERROR_ENROLLED_OTHERWISE,
        DEVBOX_ERROR_REQUEST_UNKNOWN,
        DEVBOX_ERROR_REQUEST_STATE,
        DEVBOX_ERROR_PEER_UNKNOWN,
        /* The mesh. */
        DEVBOX_ERROR_NETWORK_MISSING,
        DEVBOX_ERROR_ADDRESS_TAKEN,
        DEVBOX_ERROR_ADDRESS_IN_USE,
        DEVBOX_ERROR_NETWORK_FULL,
        DEVBOX_ERROR_MATRIX_UNAVAILABLE,
        DEVBOX_ERROR_MATRIX_UNREACHABLE,
        DEVBOX_ERROR_MATRIX_REFUSED,
        DEVBOX_ERROR_MATRIX_OTHER,
        DEVBOX_ERROR_MATRIX_LOGGED_OUT,
        DEVBOX_ERROR_PERSON_UNKNOWN,
        DEVBOX_ERROR_PERSON_UNPINNED,
        DEVBOX_ERROR_VERIFICATION_STATE,
        _DEVBOX_ERROR_MAX,
} DevboxError;

/* All of these take any value: one that is not in the table counts as DEVBOX_ERROR_INTERNAL. */
const char *devbox_error_code(DevboxError error);     /* "token_required" */
const char *devbox_error_bus_name(DevboxError error); /* "org.devbox.Error.TokenRequired" */
int devbox_error_http_status(DevboxError error);      /* 401 */
int devbox_error_errno(DevboxError error);            /* -EACCES */
const char *devbox_error_sentence(DevboxError error); /* what is wrong and what to do next; no full stop */
const char *devbox_error_audit_status(DevboxError error); /* the outcome in the chain: "rejected_nonce" */
bool devbox_error_is_replay(DevboxError error);           /* that outcome is rejected_nonce */

/* The sentence about one subject: "capability rejected: shell.exec.rm not in manifest". `subject` may be
 * NULL or empty: then the plain sentence. Cut to fit; always ends with NUL. */
void devbox_error_sentence_about(DevboxError error, const char *subject, char *ret_text, size_t size);

/* The reverse of devbox_error_code() and devbox_error_bus_name(). Errors: -ENOENT not one of ours. */
int devbox_error_from_code(const char *code, DevboxError *ret_error);
int devbox_error_from_bus_name(const char *bus_name, DevboxError *ret_error);
