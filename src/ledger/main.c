/* SPDX-License-Identifier: MIT */
/* devbox-ledger. */

#include "ledger/daemon.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-ledger",
                .summary = "Decides which requests this device carries out, and keeps its audit chain.",
                .manual = "devbox-ledger(8)",
                .on_bus = true,
                .new = ledger_daemon_new,
                .free = ledger_daemon_free,
                .start = ledger_daemon_start,
                .reload = ledger_daemon_reload,
                .stop = ledger_daemon_stop,
        };

        return daemon_run(&type, argc, argv);
}
