/* SPDX-License-Identifier: MIT */
/* devbox-mesh. */

#include "mesh/daemon.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-mesh",
                .summary = "Keeps this machine's WireGuard network: its peers, and what they may reach.",
                .manual = "devbox-mesh(8)",
                .on_bus = true,
                .new = mesh_daemon_new,
                .free = mesh_daemon_free,
                .start = mesh_daemon_start,
                .reload = mesh_daemon_reload,
                .stop = mesh_daemon_stop,
        };

        return daemon_run(&type, argc, argv);
}
