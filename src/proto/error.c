/* SPDX-License-Identifier: MIT */
/* Every reason that a person can act on, in one table. */

#include "proto/error.h"

typedef struct ErrorRow {
        const char *code, *bus_name, *sentence;
        int http_status, error;
} ErrorRow;

#define ROW(number, name, bus, status, negative_errno, text)                                                \
        [DEVBOX_ERROR_##number] = { .code = name,                                                           \
                                    .bus_name = "org.devbox.Error." bus,                                    \
                                    .http_status = status,                                                  \
                                    .error = negative_errno,                                                \
                                    .sentence = text }

/* clang-format off */
static const ErrorRow rows[_DEVBOX_ERROR_MAX] = {
        ROW(BAD_REQUEST,           "bad_request",           "BadRequest",           400, -EBADMSG,
            "the request is malformed"),
        ROW(HOST_NOT_ALLOWED,      "host_not_allowed",      "HostNotAllowed",       421, -EACCES,
            "the Host header must name this machine's loopback, for example 127.0.0.1 or localhost"),
        ROW(ORIGIN_NOT_ALLOWED,    "origin_not_allowed",    "OriginNotAllowed",     403, -EACCES,
            "actions are refused from web pages of another origin"),
        ROW(TOKEN_REQUIRED,        "token_required",        "TokenRequired",        401, -EACCES,
            "send the token of /etc/devbox/config.yaml (auth.token) in the header X-Devbox-Token"),
        ROW(TOKEN_INVALID,         "token_invalid",         "TokenInvalid",         401, -EACCES,
            "the token is not the one in /etc/devbox/config.yaml (auth.token)"),
        ROW(TOKEN_PLACEHOLDER,     "token_placeholder",     "TokenPlaceholder",     403, -EACCES,
            "actions are off until auth.token in /etc/devbox/config.yaml is a token of your own"),
        ROW(ACCESS_DENIED,         "access_denied",         "AccessDenied",         403, -EACCES,
            "this needs root or a member of the group devbox"),
        ROW(NOT_FOUND,             "not_found",             "NotFound",             404, -ENOENT,
            "there is nothing at this path; GET /openapi.json lists what there is"),
        ROW(JOB_NOT_FOUND,         "job_not_found",         "JobNotFound",          404, -ENOENT,
            "no such run, or a later one has replaced it"),
        ROW(METHOD_NOT_ALLOWED,    "method_not_allowed",    "MethodNotAllowed",     405, -EOPNOTSUPP,
            "this path does not take that method; the header Allow names those it takes"),
        ROW(LENGTH_REQUIRED,       "length_required",       "LengthRequired",       411, -EBADMSG,
            "send the body with a Content-Length, not in chunks"),
        ROW(BODY_TOO_LARGE,        "body_too_large",        "BodyTooLarge",         413, -EFBIG,
            "the request's body is larger than this path takes"),
        ROW(BUSY,                  "busy",                  "Busy",                 503, -EBUSY,
            "too much is under way; try again in a moment"),
        ROW(CONFIG_INVALID,        "config_invalid",        "ConfigInvalid",        503, -EINVAL,
            "mend the configuration, then run "
            "'systemctl try-reload-or-restart devbox-api devbox-collector'; it has an error"),
        ROW(COLLECTOR_UNAVAILABLE, "collector_unavailable", "CollectorUnavailable", 503, -EHOSTDOWN,
            "devbox-collector does not answer; see: systemctl status devbox-collector"),
        ROW(COLLECTOR_TIMEOUT,     "collector_timeout",     "CollectorTimeout",     503, -ETIMEDOUT,
            "devbox-collector took too long to answer; see: journalctl -u devbox-collector"),
        ROW(SYSTEMD_UNAVAILABLE,   "systemd_unavailable",   "SystemdUnavailable",   503, -EHOSTDOWN,
            "systemd does not answer on the system bus"),
        ROW(BUS_UNAVAILABLE,       "bus_unavailable",       "BusUnavailable",       503, -EHOSTDOWN,
            "the system bus cannot be reached; see: systemctl status dbus"),
        ROW(SAMPLE_FAILED,         "sample_failed",         "SampleFailed",         503, -EIO,
            "the kernel's figures could not be read; see: journalctl -u devbox-collector"),
        ROW(INTERNAL,              "internal_error",        "InternalError",        500, -EIO,
            "something went wrong inside devbox; see: journalctl -u 'devbox-*'"),
};
/* clang-format on */

static const ErrorRow *row_of(DevboxError error)
{
        return (int) error > 0 && error < _DEVBOX_ERROR_MAX ? &rows[error] : &rows[DEVBOX_ERROR_INTERNAL];
}

const char *devbox_error_code(DevboxError error)
{
        return row_of(error)->code;
}

const char *devbox_error_bus_name(DevboxError error)
{
        return row_of(error)->bus_name;
}

int devbox_error_http_status(DevboxError error)
{
        return row_of(error)->http_status;
}

int devbox_error_errno(DevboxError error)
{
        return row_of(error)->error;
}

const char *devbox_error_sentence(DevboxError error)
{
        return row_of(error)->sentence;
}

int devbox_error_from_bus_name(const char *bus_name, DevboxError *ret_error)
{
        for (int i = 1; i < _DEVBOX_ERROR_MAX; i++)
                if (streq(rows[i].bus_name, bus_name)) {
                        *ret_error = (DevboxError) i;
                        return 0;
                }

        return -ENOENT;
}
