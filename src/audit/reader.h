/* SPDX-License-Identifier: MIT */
#pragma once

/* An audit chain, entry by entry, from wherever it rests: an exported file, as JSON lines or binary, or a
 * ledger's database, its own chain or that of a device it witnesses. Nothing is checked but the form: a form
 * that export never writes is refused. At most one entry is in memory.
 *
 *     {"v":1,"device":"laptop","chain_id":"<hex>"}
 *     {"seq":0,"ts_ms":1760000000000,"type":0,"name":"genesis","prev":"<hex>","hash":"<hex>","body":"{…}"}
 *
 * `body` is the text that was hashed; one that is no clean text is "body_b64" instead. Binary, integers
 * big-endian:
 *
 *     "DBXAUD1\n"  u8 length  device  chain_id[16]
 *     u64 seq  prev[32]  u64 ts_ms  u16 type  u32 length  body  hash[32]
 */

#include "audit/chain.h"
#include "crypto/ed25519.h"
#include "proto/id.h"

#define AUDIT_MAGIC      "DBXAUD1\n"
#define AUDIT_MAGIC_SIZE 8

typedef struct AuditIdentity {
        char device[DEVICE_NAME_SIZE];
        ChainId chain;
} AuditIdentity;

typedef struct AuditSource AuditSource;

typedef enum AuditNext {
        AUDIT_NEXT_END,       /* for now: more may follow */
        AUDIT_NEXT_ENTRY,     /* valid until the next call */
        AUDIT_NEXT_PART,      /* the file ends in the middle of an entry */
        AUDIT_NEXT_MALFORMED, /* not as export writes it; there is no going on */
} AuditNext;

/* `device` chooses the chain of a database; NULL is its own. Errors: -ENOENT no such file; -ESRCH the
 * database has no chain of that device; -EBADMSG neither a chain nor a ledger; -EACCES and the like. */
int audit_source_open(const char *path, const char *device, AuditSource **ret_source);
AuditSource *audit_source_free(AuditSource *source);
DEFINE_CLEANUP(AuditSource, audit_source_free);

const AuditIdentity *audit_source_identity(const AuditSource *source);

bool audit_source_is_replica(const AuditSource *source);

/* Whether the signed things behind the entries may lie beside them: in a database, of its own chain. */
bool audit_source_has_evidence(const AuditSource *source);

/* Returns an AuditNext. Errors: -EIO and the like. */
int audit_source_next(AuditSource *source, AuditEntry *ret_entry);

/* Goes to the entry with this number, forwards only, if the source can; else the caller skips. */
int audit_source_seek(AuditSource *source, uint64_t seq);

/* The statements about the chain that a database holds, one envelope each. A file holds none. Stops at what
 * `on_checkpoint` returns if it is not 0, and returns it. */
typedef int (*AuditEnvelope)(void *userdata, const char *envelope);
int audit_source_checkpoints(AuditSource *source, AuditEnvelope on_checkpoint, void *userdata);

/* Likewise the signed things behind its entries, in the order they came. */
int audit_source_evidence(AuditSource *source, AuditEnvelope on_thing, void *userdata);

/* The names of all devices whose chains a database holds, its own first, which is empty if there are entries
 * of nobody's; likewise. */
typedef int (*AuditDevice)(void *userdata, const char *device);
int audit_source_devices(const char *path, AuditDevice on_device, void *userdata);
