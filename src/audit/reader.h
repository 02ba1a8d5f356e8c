/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads an audit chain entry by entry, from an exported file (audit/export.h) or from a ledger's database:
 * the device's own chain, or that of a device it witnesses. Only the form is checked. At most one entry is
 * in memory. */

#include "audit/evidence.h"
#include "audit/export.h"

typedef struct AuditReader AuditReader;

/* `device` selects a chain of a database; NULL: its own. Errors: -ENOENT no such file; -ESRCH no chain of
 * that device; -EBADMSG neither an exported chain nor a ledger's database; -EACCES and the like. */
int audit_reader_open(const char *path, const char *device, AuditReader **ret_reader);
AuditReader *audit_reader_free(AuditReader *reader);
DEFINE_CLEANUP(AuditReader, audit_reader_free);

const ChainIdentity *audit_reader_identity(const AuditReader *reader);

bool audit_reader_is_replica(const AuditReader *reader);

/* Returns an AuditNext; an entry is borrowed until the next call. Errors: -EIO and the like. */
int audit_reader_next(AuditReader *reader, AuditEntry *ret_entry);

/* Skips to the entry of this number. Forwards only. Errors: -EOPNOTSUPP a file: the caller skips. */
int audit_reader_seek(AuditReader *reader, uint64_t seq);

/* Whether a ledger has started to write the database since it was opened: then entries may seem to be
 * missing. */
bool audit_reader_is_stale(const AuditReader *reader);

/* The checkpoints of the chain that the database holds, as envelopes; a file holds none. Stops at what the
 * handler returns if that is not 0, and returns it. */
int audit_reader_checkpoints(AuditReader *reader, StatementTextHandler on_checkpoint, void *userdata);

/* Likewise the evidence behind its entries, in the order it was stored. */
int audit_reader_evidence(AuditReader *reader, StatementTextHandler on_envelope, void *userdata);

/* The same to be searched. 1: opened, and freed by the caller before the reader; 0: there is none. */
int audit_reader_open_evidence(AuditReader *reader, AuditEvidence **ret_evidence);

/* Likewise the names of all devices whose chains a database holds, its own first; "" for entries without an
 * enrolment. */
int audit_reader_devices(const char *path, StatementTextHandler on_device, void *userdata);
