/* SPDX-License-Identifier: MIT */
/* devbox-collector. */

#include "collector/collector.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-collector",
                .summary =
                        "Reports the state of this machine and of the configured units on the system bus.",
                .manual = "devbox-collector(8)",
                .on_bus = true,
                .new = collector_new,
                .free = collector_free,
                .start = collector_start,
                .reload = collector_reload,
                .stop = collector_stop,
        };

        return daemon_run(&type, argc, argv);
}
