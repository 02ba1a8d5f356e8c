/* SPDX-License-Identifier: MIT */
/* devbox-agent. */

#include "agent/agent.h"

int main(int argc, char **argv)
{
        static const DaemonType type = {
                .name = "devbox-agent",
                .summary = "Passes requests of the hub to the ledger and, if it accepts them, to a worker.",
                .manual = "devbox-agent(8)",
                .on_bus = true,
                .new = agent_new,
                .free = agent_free,
                .start = agent_start,
                .stop = agent_stop,
        };

        return daemon_run(&type, argc, argv);
}
