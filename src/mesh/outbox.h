/* SPDX-License-Identifier: MIT */
#pragma once

/* The rows of the outbox of mesh.db (mesh/event.h) as calls of devbox-ledger. */

#include "audit/outbox.h"

extern const OutboxRows mesh_outbox_rows;
