/* SPDX-License-Identifier: MIT */
#pragma once

/* Evidence: the signed documents behind the entries. The chain names each by its digest only; with them an
 * auditor can judge again what the device accepted. */

#include "audit/entry.h"
#include "store/query.h"
#include "trust/envelope.h"

/* ---- the tables `evidence` and `replica_evidence` of ledger.db, for the ledger: of the own chain, and on a
 * hub of those that it witnesses. `device` selects one of those; NULL is the own chain. Errors: those of a
 * database, -ENOMEM. */

/* Of the own chain. 1: stored; 0: not. */
int evidence_exists(Database *database, const Sha256 *digest);

/* Belongs inside the transaction of the entry that names it. */
int evidence_keep(Database *database, const char *device, const Envelope *envelope);

/* All of them, in the order they were stored. */
int evidence_for_each(Database *database, const char *device, StatementTextHandler on_envelope,
                      void *userdata);

/* Those of the own chain that this entry names and that are stored. */
int evidence_for_entry(Database *database, const AuditEntry *entry, StatementTextHandler on_envelope,
                       void *userdata);

/* ---- for an auditor: from those tables or from lines, one envelope each */

typedef struct AuditEvidence AuditEvidence;

/* Borrows the arguments: the owner of the database may open it again. Errors: -ENOMEM. */
int audit_evidence_open(Database *const *database, const char *device, AuditEvidence **ret_evidence);

/* Errors: -EBADMSG line `ret_line` is not an envelope; -ENOMEM. */
int audit_evidence_parse(const char *lines, AuditEvidence **ret_evidence, unsigned *ret_line);

AuditEvidence *audit_evidence_free(AuditEvidence *evidence);
DEFINE_CLEANUP(AuditEvidence, audit_evidence_free);

/* 1: found, and the caller frees the envelope, which has this digest; 0: not there. Its signatures are not
 * verified. Errors: -ENOMEM, those of a database. */
int audit_evidence_find(AuditEvidence *evidence, const Sha256 *digest, Envelope **ret_envelope);

/* Keeps what the entry names, of the chain of `device`, and nothing else. Errors: those of
 * audit_evidence_find() and evidence_keep(). */
int audit_evidence_keep(AuditEvidence *evidence, Database *database, const char *device,
                        const AuditEntry *entry);
