/* SPDX-License-Identifier: MIT */
#pragma once

/* Watches the connections that requests were accepted for: what has not ended when its connection closes
 * needs an end, because the agent behind it can no longer report one. */

#include <sys/queue.h>
#include <systemd/sd-bus.h>

typedef struct AgentWatch AgentWatch;

typedef struct AgentWatches {
        /* Set by the owner. */
        sd_bus *bus;
        void (*on_gone)(const char *agent, void *userdata);
        void *userdata;

        LIST_HEAD(, AgentWatch) list;
        size_t n;
} AgentWatches;

/* `agent` is a unique name; the same again changes nothing. Errors: DEVBOX_ERROR_BUSY too many connections;
 * -ENOMEM; those of sd-bus. */
int agent_watch_start(AgentWatches *watches, const char *agent);

void agent_watches_done(AgentWatches *watches);
