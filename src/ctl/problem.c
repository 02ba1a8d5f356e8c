/* SPDX-License-Identifier: MIT */
/* The detail of a DevboxError. */

#include "ctl/problem.h"

#include <stdarg.h>
#include <stdio.h>

/* One line: outside text must not look like another one. NULL: no memory. */
static char *format_line(const char *format, va_list args)
{
        char *line;

        if (vasprintf(&line, format, args) < 0)
                return NULL;

        for (char *at = line; (at = strchr(at, '\n'));)
                *at = '?';
        return line;
}

int problem_set(char **ret_problem, DevboxError error, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        char *line = format_line(format, args);
        va_end(args);
        if (!line)
                return -ENOMEM;

        free(*ret_problem);
        *ret_problem = line;
        return (int) error;
}

int problem_add(char **ret_problem, DevboxError error, const char *format, ...)
{
        _cleanup_(freep) char *line = NULL;
        char *lines;
        va_list args;

        va_start(args, format);
        line = format_line(format, args);
        va_end(args);
        if (!line)
                return -ENOMEM;

        if (!*ret_problem)
                *ret_problem = TAKE_PTR(line);
        else {
                if (asprintf(&lines, "%s\n%s", *ret_problem, line) < 0)
                        return -ENOMEM;
                free(*ret_problem);
                *ret_problem = lines;
        }
        return (int) error;
}

int problem_about(char **ret_problem, DevboxError error, const char *subject)
{
        return problem_set(ret_problem, error, "%s: %s", subject, devbox_error_sentence(error));
}
