/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads an audit chain entry by entry, from an exported file (audit/export.h) or from a ledger's database:
 * the device's own chain, or that of a device it witnesses. Only the form is checked. At most one entry is
 * in memory. */

#include "audit/export.h"

typedef struct AuditReader AuditReader;

/* `device` chooses the chain of a database; NULL is its own. Errors: -ENOENT no such file; -ESRCH the
 * database has no chain of that device; -EBADMSG neither a chain nor a ledger; -EACCES and the like. */
int audit_reader_open(const char *path, const char *device, AuditReader **ret_source);
AuditReader *audit_reader_free(AuditReader *source);
DEFINE_CLEANUP(AuditReader, audit_reader_free);

const ChainIdentity *audit_reader_identity(const AuditReader *source);

bool audit_reader_is_replica(const AuditReader *source);

/* Whether the signed things behind the entries may lie beside them: in a database, of its own chain. */
bool audit_reader_has_evidence(const AuditReader *source);

/* Returns an AuditNext. Errors: -EIO and the like. */
int audit_reader_next(AuditReader *source, AuditEntry *ret_entry);

/* Goes to the entry with this number, forwards only, if the source can; else the caller skips. */
int audit_reader_seek(AuditReader *source, uint64_t seq);

/* The statements about the chain that a database holds, one envelope each. A file holds none. Stops at what
 * `on_checkpoint` returns if it is not 0, and returns it. */
typedef int (*AuditEnvelope)(void *userdata, const char *envelope);
int audit_reader_checkpoints(AuditReader *source, AuditEnvelope on_checkpoint, void *userdata);

/* Likewise the signed things behind its entries, in the order they came. */
int audit_reader_evidence(AuditReader *source, AuditEnvelope on_thing, void *userdata);

/* The names of all devices whose chains a database holds, its own first, which is empty if there are entries
 * of nobody's; likewise. */
typedef int (*AuditDevice)(void *userdata, const char *device);
int audit_reader_devices(const char *path, AuditDevice on_device, void *userdata);
