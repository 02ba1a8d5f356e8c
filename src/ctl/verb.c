/* SPDX-License-Identifier: MIT */
/* What verbs report about the command line they were given. */

#include "ctl/verb.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/problem.h"

int ctl_usage(Ctl *ctl, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }

        ctl->status = CTL_USAGE;
        if (!ctl->verb)
                return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "%s; see: devboxctl --help",
                                   text);
        return problem_set(&ctl->problem, DEVBOX_ERROR_BAD_REQUEST, "%s; see: devboxctl help %s%s%s", text,
                           strempty(ctl->verb->noun), ctl->verb->noun ? " " : "", ctl->verb->name);
}
