/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-ledger on the bus: who may ask for what, and when what is pending is written. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct Service Service;

int service_new(Service **ret_service);
Service *service_free(Service *service);
DEFINE_CLEANUP(Service, service_free);

/* Opens the ledger in $STATE_DIRECTORY and goes on the bus. A ledger that cannot be opened fails, and with
 * it everything that asks: nothing happens that is not written down. */
int service_start(Service *service, sd_event *event, sd_bus *bus);

/* Handlers of daemon_new_event(); `owner` is the service. */
int service_on_stop(void *owner);
int service_on_reload(void *owner);
