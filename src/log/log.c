/* SPDX-License-Identifier: MIT */
/* Log lines: structured journal fields under systemd, plain lines on stderr elsewhere. */

#include "log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would name this file in every line */
#include <systemd/sd-journal.h>
#include <unistd.h>

#define FIELDS_MAX 16
#define LINE_MAX   2048

static const char *const level_names[] = { "emerg",   "alert",  "crit", "err",
                                           "warning", "notice", "info", "debug" };

static const char *log_identifier = "devbox";
static int max_level = LOG_INFO;
static bool to_journal;

int log_max_level(void)
{
        return max_level;
}

void log_set_max_level(int level)
{
        max_level = level;
}

/* systemd sets $JOURNAL_STREAM to device and inode of the stderr it connected; they match only if nothing
 * redirected it. Source: systemd.exec(5), JOURNAL_STREAM. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device, inode;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static int level_from_text(const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (streq(text, level_names[i]) || (text[0] == (char) ('0' + i) && text[1] == '\0'))
                        return (int) i;

        return -EINVAL;
}

void log_open(const char *identifier)
{
        const char *wanted = getenv("DEVBOX_LOG_LEVEL");

        log_identifier = identifier;
        to_journal = stderr_is_journal();

        if (wanted) {
                int level = level_from_text(wanted);
                if (level >= 0)
                        max_level = level;
                else
                        log_warning("DEVBOX_LOG_LEVEL is not a level of syslog(3), ignoring");
        }
}

/* One `NAME=value` field; the journal takes values of any length, ours are cut at LINE_MAX. */
static void field_set(char buffer[static LINE_MAX], struct iovec *ret, const char *name, const char *value)
{
        int size = snprintf(buffer, LINE_MAX, "%s=%s", name, value);

        *ret = (struct iovec){ .iov_base = buffer, .iov_len = (size_t) MIN(MAX(size, 0), LINE_MAX - 1) };
}

static void write_journal(int level, int error, const LogField *fields, const char *message)
{
        static char buffers[FIELDS_MAX][LINE_MAX]; /* one thread, and too large for the stack */
        struct iovec iov[FIELDS_MAX];
        char number[16];
        int n = 0;

        field_set(buffers[n], &iov[n], "MESSAGE", message);
        n++;
        (void) snprintf(number, sizeof number, "%d", level);
        field_set(buffers[n], &iov[n], "PRIORITY", number);
        n++;
        field_set(buffers[n], &iov[n], "SYSLOG_IDENTIFIER", log_identifier);
        n++;
        if (error < 0) {
                (void) snprintf(number, sizeof number, "%d", -error);
                field_set(buffers[n], &iov[n], "ERRNO", number);
                n++;
        }
        for (const LogField *field = fields; field && field->name && n < FIELDS_MAX; field++)
                if (field->value) {
                        field_set(buffers[n], &iov[n], field->name, field->value);
                        n++;
                }

        (void) sd_journal_sendv(iov, n);
}

int log_write(int level, int error, const LogField *fields, const char *format, ...)
{
        char message[LINE_MAX];
        va_list args;

        va_start(args, format);
        int length = vsnprintf(message, sizeof message, format, args);
        va_end(args);

        if (error < 0 && length >= 0 && (size_t) length < sizeof message)
                (void) snprintf(message + length, sizeof message - (size_t) length, ": %s",
                                strerror(-error));

        if (to_journal)
                write_journal(level, error, fields, message);
        else
                (void) fprintf(stderr, "%s: %s: %s\n", log_identifier, level_names[level], message);

        return error;
}
