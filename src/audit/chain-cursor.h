/* SPDX-License-Identifier: MIT */
#pragma once

/* A position in an audit chain: verifies the entry that follows, or makes it. */

#include "audit/entry.h"

/* CLOCK_REALTIME counts nanoseconds in 63 bits: until 2262. */
#define AUDIT_TIME_MAX_MS UINT64_C(9223372036854)

#define AUDIT_BACKWARDS_MAX_MS 30000 /* how far time may step back between entries without a clock entry */

typedef enum AuditFault {
        AUDIT_FAULT_SEQ = 1, /* a number is missing, doubled or out of order */
        AUDIT_FAULT_PREV,    /* does not follow the entry before */
        AUDIT_FAULT_HASH,    /* was changed */
        AUDIT_FAULT_TIME,    /* steps back without a clock entry, or is beyond any clock */
        AUDIT_FAULT_TYPE,    /* unknown; a genesis other than entry 0, or an entry 0 of another type */
        AUDIT_FAULT_SIZE,    /* a body larger than the maximum */
        _AUDIT_FAULT_MAX,
} AuditFault;

const char *audit_fault_sentence(AuditFault fault);

/* The next entry must have the number `size` and follow the hash `head`. */
typedef struct ChainCursor {
        ChainId chain;
        uint64_t size; /* entries so far */
        Sha256 head;   /* hash of the last */
        uint64_t time_ms;
} ChainCursor;

/* At the beginning, or after the entries that a witness has stored (the time of the last is not known). */
void chain_cursor_begin(ChainCursor *cursor, const ChainId *chain, const char *device);
void chain_cursor_resume(ChainCursor *cursor, const ChainId *chain, uint64_t size, const Sha256 *head);

/* Verifies one entry and advances. Errors: an AuditFault; the cursor is unchanged. */
int chain_cursor_next(ChainCursor *cursor, const AuditEntry *entry);

/* Makes the next entry of a chain: sets number, prev, type and hash, and advances. */
void chain_cursor_append(ChainCursor *cursor, uint16_t type, uint64_t time_ms, Bytes body,
                         AuditEntry *ret_entry);
