/* SPDX-License-Identifier: MIT */
/* The steps of a command while a person watches. */

#include "ctl/progress.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/utf8.h"

/* Prints the text, sanitised, with spaces up to `column` if that is not 0, and what follows it. */
static int print_text(int column, const char *after, const char *format, va_list args)
{
        _cleanup_(freep) char *text = NULL;

        if (vasprintf(&text, format, args) < 0) {
                text = NULL;
                return -ENOMEM;
        }

        int width = (int) utf8_sanitize(text);
        (void) printf("%s%*s%s", text, column > 0 ? MAX(column - width, 1) : 0, "", after);
        return fflush(stdout) != 0 ? -errno : 0;
}

int progress_begin(const Progress *progress, const char *format, ...)
{
        va_list args;

        if (progress->ctl->json)
                return 0;

        va_start(args, format);
        int r = print_text(progress->column, "", format, args);
        va_end(args);
        return r;
}

int progress_end(const Progress *progress, const char *format, ...)
{
        va_list args;

        if (progress->ctl->json)
                return 0;

        va_start(args, format);
        int r = print_text(0, "\n", format, args);
        va_end(args);
        return r;
}

int progress_line(const Progress *progress, const char *label, const char *format, ...)
{
        va_list args;

        if (progress->ctl->json)
                return 0;

        (void) printf("%-*s ", progress->column - 1, label);
        va_start(args, format);
        int r = print_text(0, "\n", format, args);
        va_end(args);
        return r;
}

int progress_ask(const Progress *progress, const char *question)
{
        _cleanup_(fd_closep) int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
        char answer[16];

        if (terminal < 0)
                return -ENOTTY;
        (void) tcflush(terminal, TCIFLUSH); /* what was typed before is no answer */
        if (dprintf(terminal, "%s [y/N] ", question) < 0)
                return -errno;

        ssize_t n = read(terminal, answer, sizeof answer);
        if (n < 0)
                return -errno;

        bool yes = n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
        while (n == sizeof answer && answer[n - 1] != '\n') /* the rest of the line is not for the shell */
                n = read(terminal, answer, sizeof answer);
        return yes;
}
