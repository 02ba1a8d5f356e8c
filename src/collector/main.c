/* SPDX-License-Identifier: MIT */
/* devbox-collector: start and end. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bus/component.h"
#include "collector/collector.h"
#include "event/daemon.h"
#include "log/log.h"

static int run(void)
{
        static const DaemonHandlers handlers = { .on_stop = collector_on_stop,
                                                 .on_reload = collector_on_reload };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(collector_freep) Collector *collector = NULL;

        int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd < 0)
                return log_error_errno(-errno, "Cannot open /proc");

        int r = collector_new(&collector);
        if (r < 0)
                return log_error_errno(r, "Cannot set up");
        r = daemon_new_event(&handlers, collector, &event);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop");
        r = bus_open_system(event, "devbox-collector", &bus);
        if (r < 0)
                return log_error_errno(r, "Cannot open the system bus");
        r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r < 0)
                return log_error_errno(r, "Cannot watch the system bus");
        r = collector_start(collector, event, bus, proc_fd);
        if (r < 0)
                return log_error_errno(r, "Cannot start");

        daemon_notify_ready();
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "The event loop failed") : r;
}

int main(int argc, char **argv)
{
        if (argc == 2 && streq(argv[1], "--version")) {
                (void) puts("devbox-collector " DEVBOX_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1) {
                (void) fprintf(
                        stderr,
                        "devbox-collector takes no arguments but --version; see devbox-collector(8)\n");
                return 2;
        }

        log_open("devbox-collector");
        (void) umask(0077);
        int r = run();
        return r < 0 ? EXIT_FAILURE : r;
}
