/* SPDX-License-Identifier: MIT */
/* A position in an audit chain. */

#include "audit/chain-cursor.h"

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
                return "its time steps back without a clock entry, or is beyond any clock";
        case AUDIT_FAULT_TYPE:
                return "its type is unknown, or not allowed at this position";
        case AUDIT_FAULT_SIZE:
                return "its body is larger than the maximum";
        default:
                return "no fault";
        }
}

void chain_cursor_begin(ChainCursor *cursor, const ChainId *chain, const char *device)
{
        *cursor = (ChainCursor){ .chain = *chain };
        audit_genesis_prev(device, &cursor->head);
}

void chain_cursor_resume(ChainCursor *cursor, const ChainId *chain, uint64_t size, const Sha256 *head)
{
        *cursor = (ChainCursor){ .chain = *chain, .size = size, .head = *head };
}

int chain_cursor_next(ChainCursor *cursor, const AuditEntry *entry)
{
        Sha256 hash;

        if (entry->seq != cursor->size)
                return AUDIT_FAULT_SEQ;
        if (entry->type >= _AUDIT_TYPE_MAX || (entry->type == AUDIT_GENESIS) != (entry->seq == 0))
                return AUDIT_FAULT_TYPE;
        if (entry->body.size > AUDIT_BODY_MAX)
                return AUDIT_FAULT_SIZE;
        if (!sha256_equal(&entry->prev, &cursor->head))
                return AUDIT_FAULT_PREV;

        audit_hash(&cursor->chain, entry, &hash);
        if (!sha256_equal(&entry->hash, &hash))
                return AUDIT_FAULT_HASH;

        if (entry->time_ms > AUDIT_TIME_MAX_MS)
                return AUDIT_FAULT_TIME;
        if (entry->type != AUDIT_CLOCK && cursor->time_ms > AUDIT_BACKWARDS_MAX_MS &&
            entry->time_ms < cursor->time_ms - AUDIT_BACKWARDS_MAX_MS)
                return AUDIT_FAULT_TIME;

        cursor->size++;
        cursor->head = hash;
        cursor->time_ms = entry->time_ms;
        return 0;
}

void chain_cursor_append(ChainCursor *cursor, uint16_t type, uint64_t time_ms, Bytes body,
                         AuditEntry *ret_entry)
{
        *ret_entry = (AuditEntry){
                .seq = cursor->size, .prev = cursor->head, .time_ms = time_ms, .type = type, .body = body
        };
        audit_hash(&cursor->chain, ret_entry, &ret_entry->hash);

        cursor->size++;
        cursor->head = ret_entry->hash;
        cursor->time_ms = time_ms;
}
