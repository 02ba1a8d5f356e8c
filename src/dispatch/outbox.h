/* SPDX-License-Identifier: MIT */
#pragma once

/* The rows of the outbox of dispatch.db, which dispatch/store.h inserts, as calls of devbox-ledger: what the
 * hub's audit chain is given about approvals. */

#include "audit/outbox.h"

extern const OutboxRows dispatch_outbox_rows;
