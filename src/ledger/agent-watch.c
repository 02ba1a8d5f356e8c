/* SPDX-License-Identifier: MIT */
/* Watches the connections that requests were accepted for. */

#include "ledger/agent-watch.h"

#include <stdio.h>

#include "bus/name-watch.h"
#include "proto/error.h"

#define AGENTS_MAX 16

struct AgentWatch {
        AgentWatches *watches;
        NameWatch name;
        char agent[64];
        LIST_ENTRY(AgentWatch) entry;
};

static void agent_watch_free(AgentWatch *watch)
{
        LIST_REMOVE(watch, entry);
        watch->watches->n--;
        name_watch_done(&watch->name);
        free(watch);
}

static void on_lost(NameWatch *name)
{
        AgentWatch *watch = CONTAINER_OF(name, AgentWatch, name);

        watch->watches->on_gone(watch->agent, watch->watches->userdata);
        agent_watch_free(watch);
}

int agent_watch_start(AgentWatches *watches, const char *agent)
{
        AgentWatch *watch;

        LIST_FOREACH(watch, &watches->list, entry)
                if (streq(watch->agent, agent))
                        return 0;
        if (watches->n >= AGENTS_MAX)
                return DEVBOX_ERROR_BUSY;

        watch = calloc(1, sizeof *watch);
        if (!watch)
                return -ENOMEM;

        watch->watches = watches;
        watch->name.on_lost = on_lost;
        (void) snprintf(watch->agent, sizeof watch->agent, "%s", agent);
        LIST_INSERT_HEAD(&watches->list, watch, entry);
        watches->n++;
        int r = name_watch_start(&watch->name, watches->bus, agent);
        if (r < 0)
                agent_watch_free(watch);

        return MIN(r, 0);
}

void agent_watches_done(AgentWatches *watches)
{
        while (!LIST_EMPTY(&watches->list))
                agent_watch_free(LIST_FIRST(&watches->list));
}
