/* SPDX-License-Identifier: MIT */
/* devboxctl as a person runs it. */

#include "ctl-run.h"

#include <stdio.h>

void run_done(Run *run)
{
        free(run->output);
}

static void squeeze(char *text)
{
        char *to = text;

        for (const char *from = text; *from; from++)
                if (*from != ' ' || to == text || to[-1] != ' ')
                        *to++ = *from;
        *to = '\0';
}

Run run_ctl_words(const TestBus *bus, const char *const *words)
{
        static unsigned n_runs;
        char name[32];
        Run run;

        (void) snprintf(name, sizeof name, "devboxctl-%u", n_runs++);
        _cleanup_(test_daemon_freep) TestDaemon *daemon = test_daemon_start_full(
                bus,
                &(TestDaemonOptions){
                        .program = "src/ctl/devboxctl", .name = name, .arguments = words, .no_wait = true });
        run.status = test_daemon_wait(daemon);
        run.output = test_bus_read_log(bus, name);
        squeeze(run.output);
        return run;
}
