/* SPDX-License-Identifier: MIT */
#pragma once

/* A chain that a thread of its own reads and hashes, ahead of who judges what it says: hashing is half of
 * the work, and can be done beside the other half. */

#include "audit/chain-cursor.h"
#include "audit/reader.h"

typedef struct AuditAhead AuditAhead;

/* Begins at the beginning. The source is the thread's until audit_ahead_end(). Errors: -ENOMEM; -EAGAIN
 * there are too many threads. */
int audit_ahead_begin(AuditReader *source, AuditAhead **ret_ahead);
AuditAhead *audit_ahead_end(AuditAhead *ahead);
DEFINE_CLEANUP(AuditAhead, audit_ahead_end);

/* Returns like audit_reader_next(). With an entry, `ret_fault` says why it does not follow the one before:
 * an AuditFault, or 0; after a fault nothing comes any more, and the entry has no body. */
int audit_ahead_next(AuditAhead *ahead, AuditEntry *ret_entry, int *ret_fault);
