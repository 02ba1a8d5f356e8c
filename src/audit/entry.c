/* SPDX-License-Identifier: MIT */
/* An entry of the audit chain: its type and its hash. */

#include "audit/entry.h"

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
        [AUDIT_CONFIRMATION] = "confirmation",
        [AUDIT_EVENT] = "event",
};

const char *audit_type_name(uint16_t type)
{
        return type < _AUDIT_TYPE_MAX ? type_names[type] : "unknown";
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
