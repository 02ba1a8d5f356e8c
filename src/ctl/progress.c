/* SPDX-License-Identifier: MIT */
/* The steps of a command while a person watches. */

#include "ctl/progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl/print.h"

/* Formats and sanitises; the caller frees. NULL: no memory. */
static char *format_text(const char *format, va_list args, int *ret_width)
{
        char *text;

        if (vasprintf(&text, format, args) < 0)
                return NULL;

        *ret_width = (int) terminal_sanitize(text);
        return text;
}

static int flush(void)
{
        return fflush(stdout) != 0 ? -errno : 0;
}

int progress_begin(const Progress *progress, const char *format, ...)
{
        va_list args;
        int width;

        if (progress->ctl->json)
                return 0;

        va_start(args, format);
        _cleanup_(freep) char *label = format_text(format, args, &width);
        va_end(args);
        if (!label)
                return -ENOMEM;

        (void) printf("%s%*s", label, MAX(progress->column - width, 1), "");
        return flush();
}

int progress_end(const Progress *progress, const char *format, ...)
{
        va_list args;
        int width;

        if (progress->ctl->json)
                return 0;

        va_start(args, format);
        _cleanup_(freep) char *text = format_text(format, args, &width);
        va_end(args);
        if (!text)
                return -ENOMEM;

        (void) puts(text);
        return flush();
}

int progress_line(const Progress *progress, const char *label, const char *format, ...)
{
        va_list args;
        int width;

        if (progress->ctl->json)
                return 0;

        va_start(args, format);
        _cleanup_(freep) char *text = format_text(format, args, &width);
        va_end(args);
        if (!text)
                return -ENOMEM;

        (void) printf("%-*s %s\n", progress->column - 1, label, text);
        return flush();
}

int progress_ask(const Progress *progress, const char *question)
{
        _cleanup_(fd_closep) int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        char answer[16];

        if (terminal < 0)
                return -ENOTTY;
        if (dprintf(terminal, "%s [y/N] ", question) < 0)
                return -errno;

        ssize_t n = read(terminal, answer, sizeof answer);
        return n < 0 ? -errno : n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}
