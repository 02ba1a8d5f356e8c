/* SPDX-License-Identifier: MIT */
/* devbox-ledger: start and end. */

#include <stdio.h>
#include <sys/stat.h>

#include "bus/component.h"
#include "event/daemon.h"
#include "ledger/service.h"
#include "log/log.h"

static int run(void)
{
        static const DaemonHandlers handlers = { .on_stop = ledger_daemon_on_stop,
                                                 .on_reload = ledger_daemon_on_reload };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(ledger_daemon_freep) LedgerDaemon *service = NULL;

        int r = ledger_daemon_new(&service);
        if (r < 0)
                return log_error_errno(r, "Cannot set up");
        r = daemon_new_event(&handlers, service, &event);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop");
        r = bus_open_system(event, "devbox-ledger", &bus);
        if (r < 0)
                return log_error_errno(r, "Cannot open the system bus");
        r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the system bus");
        r = ledger_daemon_start(service, event, bus);
        if (r < 0)
                return log_error_errno(r, "Cannot start");

        daemon_notify_ready();
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "The event loop failed") : r;
}

int main(int argc, char **argv)
{
        if (argc == 2 && streq(argv[1], "--version")) {
                (void) puts("devbox-ledger " DEVBOX_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1) {
                (void) fprintf(stderr,
                               "devbox-ledger takes no arguments but --version; see devbox-ledger(8)\n");
                return 2;
        }

        log_open("devbox-ledger");
        (void) umask(0077);
        int r = run();
        return r < 0 ? EXIT_FAILURE : r;
}
