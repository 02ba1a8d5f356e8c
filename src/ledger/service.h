/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-ledger on the bus: who may ask for what, and when what is pending is written. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct LedgerDaemon LedgerDaemon;

int ledger_daemon_new(LedgerDaemon **ret_service);
LedgerDaemon *ledger_daemon_free(LedgerDaemon *service);
DEFINE_CLEANUP(LedgerDaemon, ledger_daemon_free);

/* Opens the ledger in $STATE_DIRECTORY and goes on the bus. A ledger that cannot be opened fails, and with
 * it everything that asks: nothing happens that is not written down. */
int ledger_daemon_start(LedgerDaemon *service, sd_event *event, sd_bus *bus);

/* Handlers of daemon_new_event(); `owner` is the service. */
int ledger_daemon_on_stop(void *owner);
int ledger_daemon_on_reload(void *owner);
