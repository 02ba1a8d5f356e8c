/* SPDX-License-Identifier: MIT */
/* The audit chain: hashing its entries and walking along them. */

#include "audit/chain.h"

static const char *const type_names[_AUDIT_TYPE_MAX] = {
        [AUDIT_GENESIS] = "genesis",
        [AUDIT_ENROLL] = "enroll",
        [AUDIT_ADOPT] = "adopt",
        [AUDIT_ROOT] = "root",
        [AUDIT_MANIFEST] = "manifest",
        [AUDIT_REQUEST_ACCEPTED] = "req.accepted",
        [AUDIT_REQUEST_STARTED] = "req.started",
        [AUDIT_REQUEST_FINISHED] = "req.finished",
        [AUDIT_REQUEST_DENIED] = "req.denied",
        [AUDIT_SESSION] = "session",
        [AUDIT_CLOCK] = "clock",
        [AUDIT_SUPPRESSED] = "suppressed",
        [AUDIT_CHECKPOINT] = "checkpoint",
        [AUDIT_QUARANTINE] = "quarantine",
        [AUDIT_REVOKE] = "revoke",
};

const char *audit_type_name(uint16_t type)
{
        return type < _AUDIT_TYPE_MAX ? type_names[type] : "unknown";
}

const char *audit_fault_sentence(AuditFault fault)
{
        switch (fault) {
        case AUDIT_FAULT_SEQ:
                return "its number does not follow: an entry is missing, doubled or out of order";
        case AUDIT_FAULT_PREV:
                return "it does not follow the entry before";
        case AUDIT_FAULT_HASH:
                return "it was changed after it was written";
        case AUDIT_FAULT_TIME:
                return "its time steps back and no clock entry says why";
        case AUDIT_FAULT_TYPE:
                return "its type is unknown, or stands where it cannot";
        case AUDIT_FAULT_SIZE:
                return "its body is larger than any that is written";
        default:
                return "no fault";
        }
}

void audit_genesis_prev(const char *device, Sha256 *ret_prev)
{
        static const char domain[] = "DBX-GENESIS-v1"; /* its NUL is part of it */

        sha256_of_parts((Bytes[]){ BYTES(domain, sizeof domain), bytes_of_string(device) }, 2, ret_prev);
}

void audit_hash(const ChainId *chain, const AuditEntry *entry, Sha256 *ret_hash)
{
        static const char domain[] = "DBX-AUDIT-v1"; /* its NUL is part of it */
        uint8_t head[sizeof domain + CHAIN_ID_SIZE + 8 + SHA256_SIZE + 8 + 2 + 4], *at = head;

        at = put_bytes(at, domain, sizeof domain);
        at = put_bytes(at, chain->bytes, CHAIN_ID_SIZE);
        at = put_be64(at, entry->seq);
        at = put_bytes(at, entry->prev.bytes, SHA256_SIZE);
        at = put_be64(at, entry->time_ms);
        at = put_be16(at, entry->type);
        at = put_be32(at, (uint32_t) entry->body.size);
        assert(at == head + sizeof head);

        sha256_of_parts((Bytes[]){ BYTES_OF(head), entry->body }, 2, ret_hash);
}

void chain_cursor_begin(ChainCursor *walk, const ChainId *chain, const char *device)
{
        *walk = (ChainCursor){ .chain = *chain };
        audit_genesis_prev(device, &walk->head);
}

void chain_cursor_resume(ChainCursor *walk, const ChainId *chain, uint64_t size, const Sha256 *head)
{
        *walk = (ChainCursor){ .chain = *chain, .size = size, .head = *head };
}

int chain_cursor_next(ChainCursor *walk, const AuditEntry *entry)
{
        Sha256 hash;

        if (entry->seq != walk->size)
                return AUDIT_FAULT_SEQ;
        if (entry->type >= _AUDIT_TYPE_MAX || (entry->type == AUDIT_GENESIS) != (entry->seq == 0))
                return AUDIT_FAULT_TYPE;
        if (entry->body.size > AUDIT_BODY_MAX)
                return AUDIT_FAULT_SIZE;
        if (!sha256_equal(&entry->prev, &walk->head))
                return AUDIT_FAULT_PREV;

        audit_hash(&walk->chain, entry, &hash);
        if (!sha256_equal(&entry->hash, &hash))
                return AUDIT_FAULT_HASH;

        if (entry->type != AUDIT_CLOCK && walk->time_ms > AUDIT_BACKWARDS_MAX_MS &&
            entry->time_ms < walk->time_ms - AUDIT_BACKWARDS_MAX_MS)
                return AUDIT_FAULT_TIME;

        walk->size++;
        walk->head = hash;
        walk->time_ms = entry->time_ms;
        return 0;
}

void chain_cursor_append(ChainCursor *walk, uint16_t type, uint64_t time_ms, Bytes body,
                         AuditEntry *ret_entry)
{
        *ret_entry = (AuditEntry){
                .seq = walk->size, .prev = walk->head, .time_ms = time_ms, .type = type, .body = body
        };
        audit_hash(&walk->chain, ret_entry, &ret_entry->hash);

        walk->size++;
        walk->head = ret_entry->hash;
        walk->time_ms = time_ms;
}
