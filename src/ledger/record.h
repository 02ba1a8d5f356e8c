/* SPDX-License-Identifier: MIT */
#pragma once

/* What mesh and dispatcher did on this hub, recorded in its chain. Errors as in ledger/ledger.h. */

#include "audit/body.h"
#include "ledger/ledger.h"

typedef struct LedgerEvent {
        AuditEventKind kind;
        const char *id;     /* a ULID of the caller's: the same event again adds no entry */
        const char *device; /* NULL: of no single device */
        SchemaPair details[AUDIT_DETAILS_MAX];
        size_t n_details;
} LedgerEvent;

/* Errors: DEVBOX_ERROR_NOT_ENROLLED; BAD_REQUEST another event has this id; BAD_SCHEMA the form of an id, a
 * name, a key or a value. */
int ledger_record(Ledger *ledger, const LedgerEvent *event);
