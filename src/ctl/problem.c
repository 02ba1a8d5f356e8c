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

int problem_of_yaml(char **ret_problem, const char *path, const YamlProblems *problems)
{
        size_t n = yaml_problems_listed(problems);
        int r = DEVBOX_ERROR_BAD_SCHEMA;

        for (size_t i = 0; i < n && r > 0; i++) {
                const YamlProblem *problem = &problems->items[i];

                r = problem->line > 0 ? problem_add(ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s:%u: %s", path,
                                                    problem->line, problem->reason)
                                      : problem_add(ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s: %s", path,
                                                    problem->reason);
        }
        if (r > 0 && problems->n > n)
                r = problem_add(ret_problem, DEVBOX_ERROR_BAD_SCHEMA, "%s: and %zu more", path,
                                problems->n - n);
        return r;
}
