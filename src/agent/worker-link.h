/* SPDX-License-Identifier: MIT */
#pragma once

/* The connection to one worker (proto/worker-channel.h), on the event loop. Connecting starts it: systemd
 * accepts the connection and starts an instance of the worker's unit for it. */

#include <systemd/sd-event.h>

#include "basic/bytes.h"
#include "basic/time.h"
#include "proto/worker-channel.h"

typedef struct WorkerLink WorkerLink;

typedef struct WorkerLinkHandlers {
        /* A message of the worker. May call worker_link_pause() and worker_link_free(). */
        void (*on_message)(ChannelType type, Bytes payload, void *owner);

        /* The connection ended, for 0 or an error; not called once the link is freed. */
        void (*on_closed)(int error, void *owner);
} WorkerLinkHandlers;

/* `handlers` must outlive the link. Errors: -ENOENT, -ECONNREFUSED the socket unit is stopped; -EAGAIN too
 * many wait for a worker; -EACCES. */
int worker_link_new(sd_event *event, const char *path, const WorkerLinkHandlers *handlers, void *owner,
                    WorkerLink **ret_link);
WorkerLink *worker_link_free(WorkerLink *link);
DEFINE_CLEANUP(WorkerLink, worker_link_free);

/* Sends the request and the permit, both borrowed until the link is freed, as fast as the worker takes them.
 */
int worker_link_run(WorkerLink *link, Bytes request, Bytes permit);

/* Asks the worker to end, or not to begin; it still sends its end. One that has closed already is no error:
 * its end may not be received yet. */
int worker_link_cancel(WorkerLink *link);

/* Whether to receive: a worker whose output is not taken waits. What one that has ended sent is received in
 * any case: at most what the socket holds. */
int worker_link_pause(WorkerLink *link, bool paused);
