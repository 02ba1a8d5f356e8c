/* SPDX-License-Identifier: MIT */
#pragma once

/* What parts of the daemon remember, embedded in it; zeroed at first. */

#include "bus/client.h"
#include "matrix/approval.h"

/* A reading of what may change meanwhile: then it is repeated, so that no change is missed. */
typedef struct Reading {
        BusRequest call; /* the one that is under way */
        bool stale;      /* something has changed since the reading began */
} Reading;

/* Whether it may begin. */
static inline bool reading_begin(Reading *reading)
{
        reading->stale = reading->call.slot;
        return !reading->stale;
}

/* Whether it has to be repeated. */
static inline bool reading_end(Reading *reading)
{
        return TAKE(reading->stale, false);
}

static inline void reading_cancel(Reading *reading)
{
        bus_request_cancel(&reading->call);
        reading->stale = false;
}

/* directory.c: reads the devices that devbox-mesh has, and their manifests. */
typedef struct DirectoryDevice DirectoryDevice;
typedef struct Directory {
        Reading reading;
        sd_event_source *timer; /* to ask again a devbox-mesh that did not answer */
        DirectoryDevice *devices;
        size_t n_devices, n_done;
} Directory;

/* approvals.c: requests that wait for people, between devbox-dispatch and #operator-approvals. */
typedef struct Approvals {
        Reading reading;    /* ListApprovals, then GetRequest of what was announced */
        BusRequest passing; /* the decision */
        Decision decision;
        char *at;       /* the request that is being read */
        bool no_reader; /* of what waits, yet */
} Approvals;

/* watch.c: what people should know of without having asked. */
typedef struct Watch {
        Reading reading; /* of the devices */
        Reading holds;   /* holds.c: of the invitations */
        Reading alarms;  /* alarms.c: of what has happened */
        usec_t due_usec; /* of CLOCK_MONOTONIC: the next reading without a change */
} Watch;
