/* SPDX-License-Identifier: MIT */
#pragma once

/* The body of Agent, for the files that share it; no others include this. */

#include <sys/queue.h>

#include "agent/agent.h"
#include "bus/client.h"
#include "bus/component.h"
#include "event/idle.h"
#include "http/request.h"
#include "http/server.h"

#define RUNS_MAX 8

typedef struct Run Run;

typedef struct Runs {
        LIST_HEAD(, Run) list;
        size_t n;
        uint64_t total, failed_total, cancelled_total;
} Runs;

typedef struct Agent {
        Daemon *daemon;
        sd_event *event;
        sd_bus *bus;
        Component component;
        BusClient ledger, mesh;
        HttpServer *server;
        const char *worker_directory;
        Runs runs;
        Idle idle;
} Agent;

/* routes.c */
extern const HttpRoute agent_routes[];

/* run.c: POST /v1/requests, answered now or later. */
void run_start(Agent *agent, HttpRequest *request);

/* Without ends: the ledger notices that the agent is gone. */
void runs_done(Runs *runs);
