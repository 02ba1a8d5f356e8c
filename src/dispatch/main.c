/* SPDX-License-Identifier: MIT */
/* devbox-dispatch. */

#include "dispatch/daemon.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-dispatch",
                .summary = "Signs the requests of this hub to its devices, and the approvals of people.",
                .manual = "devbox-dispatch(8)",
                .on_bus = true,
                .new = dispatch_daemon_new,
                .free = dispatch_daemon_free,
                .start = dispatch_daemon_start,
                .stop = dispatch_daemon_stop,
        };

        return daemon_run(&type, argc, argv);
}
