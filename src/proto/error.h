/* SPDX-License-Identifier: MIT */
#pragma once

/* Every reason that a person can act on, in one table: its code in JSON, its D-Bus error name, its HTTP
 * status, its errno and its sentence. No other place maps errors. Functions that can refuse for such a
 * reason return it as a positive int. */

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
        DEVBOX_ERROR_BUS_UNAVAILABLE,
        DEVBOX_ERROR_SAMPLE_FAILED,
        DEVBOX_ERROR_INTERNAL,
        _DEVBOX_ERROR_MAX,
} DevboxError;

/* All of these take any value: one that is not in the table counts as DEVBOX_ERROR_INTERNAL. */
const char *devbox_error_code(DevboxError error);     /* "token_required" */
const char *devbox_error_bus_name(DevboxError error); /* "org.devbox.Error.TokenRequired" */
int devbox_error_http_status(DevboxError error);      /* 401 */
int devbox_error_errno(DevboxError error);            /* -EACCES */
const char *devbox_error_sentence(DevboxError error); /* what is wrong and what to do next; no full stop */

/* The reverse of devbox_error_bus_name(). Errors: -ENOENT not one of ours. */
int devbox_error_from_bus_name(const char *bus_name, DevboxError *ret_error);
