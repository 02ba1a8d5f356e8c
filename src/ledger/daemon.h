/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-ledger on the bus: who may call which method, and when pending entries are written. */

#include "event/daemon.h"

typedef struct LedgerDaemon LedgerDaemon;

/* Steps of DaemonType. The ledger is in $STATE_DIRECTORY. While it cannot be opened every method fails with
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE: nothing happens without an entry. */
void *ledger_daemon_new(void);
void ledger_daemon_free(void *self);
int ledger_daemon_start(void *self, Daemon *daemon);
int ledger_daemon_reload(void *self);
int ledger_daemon_stop(void *self);
