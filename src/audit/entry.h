/* SPDX-License-Identifier: MIT */
#pragma once

/* An entry of the audit chain, and the hash that binds it to the one before.
 *
 *     hash = SHA-256("DBX-AUDIT-v1\0" chain_id[16] u64 seq  prev[32] u64 ts_ms  u16 type  u32 length  body)
 *
 * Integers are big-endian, the body is JSON kept as it was written. Entry 0 is the genesis; its `prev` is
 * SHA-256("DBX-GENESIS-v1\0" device). Entries are append-only: argument values that the manifest redacts are
 * never written, only their digest. */

#include "crypto/sha256.h"
#include "proto/id.h"

#define CHAIN_ID_SIZE  16
#define AUDIT_BODY_MAX (64 * 1024)

typedef struct ChainId {
        uint8_t bytes[CHAIN_ID_SIZE];
} ChainId;

static inline bool chain_id_equal(const ChainId *a, const ChainId *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}

typedef struct ChainIdentity {
        char device[DEVICE_NAME_SIZE];
        ChainId chain;
} ChainIdentity;

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
        AUDIT_SUPPRESSED = 11, /* this many rejections were only counted */
        AUDIT_CHECKPOINT = 12, /* a witness countersigned */
        AUDIT_QUARANTINE = 13,
        AUDIT_REVOKE = 14,
        AUDIT_CONFIRMATION = 15, /* of the manifest in force; strict capabilities need it */
        AUDIT_EVENT = 16,        /* on a hub: of the mesh or of approvals, see AuditEventKind */
        _AUDIT_TYPE_MAX,
} AuditType;

const char *audit_type_name(uint16_t type); /* "req.accepted"; "unknown": not a type */

typedef struct AuditEntry {
        uint64_t seq;
        Sha256 prev;
        uint64_t time_ms;
        uint16_t type;
        Bytes body; /* borrowed */
        Sha256 hash;
} AuditEntry;

typedef struct AuditEntries {
        const AuditEntry *entries;
        size_t n;
} AuditEntries;

/* What a source of entries has next. */
typedef enum AuditNext {
        AUDIT_NEXT_END,       /* of what is there now: more may follow */
        AUDIT_NEXT_ENTRY,     /* valid until the next call */
        AUDIT_NEXT_PART,      /* the file ends in the middle of an entry */
        AUDIT_NEXT_MALFORMED, /* not a form that export writes; the position is lost */
} AuditNext;

void audit_genesis_prev(const char *device, Sha256 *ret_prev);

/* Computed from all other members. */
void audit_hash(const ChainId *chain, const AuditEntry *entry, Sha256 *ret_hash);
