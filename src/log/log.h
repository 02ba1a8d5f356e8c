/* SPDX-License-Identifier: MIT */
#pragma once

/* Log lines: structured journal fields under systemd, plain lines on stderr elsewhere.
 *
 * Libraries log at debug only; the edge of a component logs each failure once. Text from outside never goes
 * into the message, only into a field of its own. Below the maximum level a line costs one comparison. */

#include <syslog.h>

#include "basic/macro.h"
#include "log/message-ids.h"

typedef struct LogField {
        const char *name; /* upper case, no leading underscore: systemd.journal-fields(7) */
        const char *value;
} LogField;

/* The fields of one line: LOG_FIELDS({ "DEVBOX_UNIT", name }, { "MESSAGE_ID", MESSAGE_X }) */
#define LOG_FIELDS(...) ((const LogField[]){ __VA_ARGS__, { NULL, NULL } })

/* `identifier` is the program's name and must outlive the log. $DEVBOX_LOG_LEVEL (a number of syslog(3) or
 * "debug", "info", "notice", "warning", "err") sets the maximum level; the default is info. */
void log_open(const char *identifier);

int log_max_level(void);
void log_set_max_level(int level);

/* Writes one line. `error` is 0 or a negative errno, appended as ": reason" and in the field ERRNO.
 * `fields` is NULL or made by LOG_FIELDS. Returns `error`, so that a failure is logged and passed up in one
 * line. */
int log_write(int level, int error, const LogField *fields, const char *format, ...) _printf_(4, 5);

#define log_full(level, error, fields, ...)                                                                 \
        ({                                                                                                  \
                int _error = (error);                                                                       \
                (level) <= log_max_level() ? log_write((level), _error, (fields), __VA_ARGS__) : _error;    \
        })

#define log_debug(...)   ((void) log_full(LOG_DEBUG, 0, NULL, __VA_ARGS__))
#define log_info(...)    ((void) log_full(LOG_INFO, 0, NULL, __VA_ARGS__))
#define log_notice(...)  ((void) log_full(LOG_NOTICE, 0, NULL, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, NULL, __VA_ARGS__))
#define log_error(...)   ((void) log_full(LOG_ERR, 0, NULL, __VA_ARGS__))

#define log_debug_errno(error, ...)   log_full(LOG_DEBUG, error, NULL, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, NULL, __VA_ARGS__)
#define log_error_errno(error, ...)   log_full(LOG_ERR, error, NULL, __VA_ARGS__)
