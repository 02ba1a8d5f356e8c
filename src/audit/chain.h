/* SPDX-License-Identifier: MIT */
#pragma once

/* The audit chain: entries that each carry the hash of the one before.
 *
 *     hash = SHA-256("DBX-AUDIT-v1\0" chain_id[16] u64 seq  prev[32] u64 ts_ms  u16 type  u32 length  body)
 *
 * Integers are big-endian, the body is JSON kept as it was written. Entry 0 is the genesis; its `prev` is
 * SHA-256("DBX-GENESIS-v1\0" device). An entry once written is never changed: what must not last (argument
 * values that the manifest redacts) is never written, only its digest. */

#include "crypto/sha256.h"

#define CHAIN_ID_SIZE          16
#define AUDIT_BODY_MAX         (64 * 1024)
#define AUDIT_BACKWARDS_MAX_MS 30000 /* how far time may step back between entries without a clock entry */

typedef struct ChainId {
        uint8_t bytes[CHAIN_ID_SIZE];
} ChainId;

/* The numbers are part of the format and never change. */
typedef enum AuditType {
        AUDIT_GENESIS = 0,
        AUDIT_ENROLL = 1,
        AUDIT_ADOPT = 2, /* the device has a new key */
        AUDIT_ROOT = 3,
        AUDIT_MANIFEST = 4,
        AUDIT_REQUEST_ACCEPTED = 5,
        AUDIT_REQUEST_STARTED = 6,
        AUDIT_REQUEST_FINISHED = 7,
        AUDIT_REQUEST_DENIED = 8,
        AUDIT_SESSION = 9,
        AUDIT_CLOCK = 10,
        AUDIT_SUPPRESSED = 11, /* this many refusals were only counted */
        AUDIT_CHECKPOINT = 12, /* a witness countersigned */
        AUDIT_QUARANTINE = 13,
        AUDIT_REVOKE = 14,
        _AUDIT_TYPE_MAX,
} AuditType;

const char *audit_type_name(uint16_t type); /* "req.accepted"; "unknown" for a number that is none */

typedef struct AuditEntry {
        uint64_t seq;
        Sha256 prev;
        uint64_t time_ms;
        uint16_t type;
        Bytes body; /* borrowed */
        Sha256 hash;
} AuditEntry;

void audit_genesis_prev(const char *device, Sha256 *ret_prev);

/* From everything else in the entry. */
void audit_hash(const ChainId *chain, const AuditEntry *entry, Sha256 *ret_hash);

typedef enum AuditFault {
        AUDIT_FAULT_SEQ = 1, /* a number is missing, doubled or out of order */
        AUDIT_FAULT_PREV,    /* does not follow the entry before */
        AUDIT_FAULT_HASH,    /* was changed */
        AUDIT_FAULT_TIME,    /* steps back and no clock entry says why */
        AUDIT_FAULT_TYPE,    /* unknown, or a genesis that is not entry 0, or entry 0 that is none */
        AUDIT_FAULT_SIZE,    /* a body larger than any that is written */
        _AUDIT_FAULT_MAX,
} AuditFault;

const char *audit_fault_sentence(AuditFault fault);

/* Where a walk along a chain stands: the next entry must have this number and follow this hash. */
typedef struct ChainCursor {
        ChainId chain;
        uint64_t size; /* entries seen so far = the number of the next */
        Sha256 head;
        uint64_t time_ms;
} ChainCursor;

/* From the beginning, or from a size and head that a witness stored (its time is not checked). */
void chain_cursor_begin(ChainCursor *walk, const ChainId *chain, const char *device);
void chain_cursor_resume(ChainCursor *walk, const ChainId *chain, uint64_t size, const Sha256 *head);

/* Checks one entry and moves on. Errors: an AuditFault; the walk then stays where it was. */
int chain_cursor_next(ChainCursor *walk, const AuditEntry *entry);

/* Makes the next entry of a chain: fills number, prev, type and hash, and moves on. */
void chain_cursor_append(ChainCursor *walk, uint16_t type, uint64_t time_ms, Bytes body,
                         AuditEntry *ret_entry);
