/* SPDX-License-Identifier: MIT */
/* devbox-matrix. */

#include "matrix/daemon.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-matrix",
                .summary = "Lets people command the devices of this hub, and approve requests, in Matrix "
                           "rooms.",
                .manual = "devbox-matrix(8)",
                .on_bus = true,
                .new = matrix_daemon_new,
                .free = matrix_daemon_free,
                .start = matrix_daemon_start,
                .stop = matrix_daemon_stop,
        };

        return daemon_run(&type, argc, argv);
}
