/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-collector: reports the state of this machine and of the configured units. */

#include "event/daemon.h"

typedef struct Collector Collector;

/* Steps of DaemonType. An invalid configuration does not fail: then every call is answered with what is
 * wrong with it. */
void *collector_new(void);
void collector_free(void *self);
int collector_start(void *self, Daemon *daemon);
int collector_reload(void *self);
int collector_stop(void *self);
