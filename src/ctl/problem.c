/* SPDX-License-Identifier: MIT */
/* The detail of a DevboxError. */

#include "ctl/problem.h"

#include <stdarg.h>
#include <stdio.h>

int problem_set(char **ret_problem, DevboxError error, const char *format, ...)
{
        char *problem;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&problem, format, args);
        va_end(args);
        if (n < 0)
                return -ENOMEM;

        free(*ret_problem);
        *ret_problem = problem;
        return (int) error;
}

int problem_about(char **ret_problem, DevboxError error, const char *subject)
{
        return problem_set(ret_problem, error, "%s: %s", subject, devbox_error_sentence(error));
}
