/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-dispatch on the bus. */

#include "event/daemon.h"

typedef struct DispatchDaemon DispatchDaemon;

/* Steps of DaemonType. The keys are in $STATE_DIRECTORY; without them there is nothing to do, so the start
 * fails. */
void *dispatch_daemon_new(void);
void dispatch_daemon_free(void *self);
int dispatch_daemon_start(void *self, Daemon *daemon);
int dispatch_daemon_stop(void *self);
