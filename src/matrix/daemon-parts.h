/* SPDX-License-Identifier: MIT */
#pragma once

/* What parts of the daemon remember, embedded in it; zeroed at first. */

#include "bus/client.h"
#include "matrix/approval.h"

/* directory.c: reads the devices that devbox-mesh has, and their manifests. */
typedef struct DirectoryDevice DirectoryDevice;
typedef struct Directory {
        BusRequest call;
        sd_event_source *timer; /* to ask again a devbox-mesh that did not answer */
        DirectoryDevice *devices;
        size_t n_devices, n_done;
        bool stale; /* something has changed since the reading began */
} Directory;

/* approvals.c: requests that wait for people, between devbox-dispatch and #operator-approvals. */
typedef struct Approvals {
        BusRequest reading; /* ListApprovals, then GetRequest of what was announced */
        BusRequest passing; /* the decision */
        Decision decision;
        char *at;     /* the request that is being read */
        bool stale;   /* something has changed since the reading began */
        bool no_room; /* for what waits, yet */
} Approvals;

/* watch.c: what people should know of without having asked. */
typedef struct Watch {
        BusRequest call;
        sd_event_source *timer;
} Watch;
