/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-collector: answers for the state of this machine and of the configured units. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct Collector Collector;

int collector_new(Collector **ret_collector);
Collector *collector_free(Collector *collector);
DEFINE_CLEANUP(Collector, collector_free);

/* Reads the configuration and goes on the bus. `proc_fd` is a directory that is taken over. An invalid
 * configuration does not fail: then every call is answered with what is wrong with it. The loop ends with
 * the exit code of the process. */
int collector_start(Collector *collector, sd_event *event, sd_bus *bus, int take_proc_fd);

/* Handlers of daemon_new_event(); `owner` is the collector. Stopping first answers what waits. */
int collector_on_stop(void *owner);
int collector_on_reload(void *owner);
