/* SPDX-License-Identifier: MIT */
#pragma once

/* Signed things by their digest, from where an auditor has them: the table of a ledger's database, or lines
 * of a file, one envelope each. What is found is what was asked for; who signed it is for others to say. */

#include "trust/envelope.h"

typedef struct AuditEvidence AuditEvidence;

/* Errors: those of a database. */
int audit_evidence_open(const char *database, AuditEvidence **ret_evidence);

/* Errors: -EBADMSG the line `ret_line` is no envelope; -ENOMEM. */
int audit_evidence_read(const char *lines, AuditEvidence **ret_evidence, unsigned *ret_line);

AuditEvidence *audit_evidence_free(AuditEvidence *evidence);
DEFINE_CLEANUP(AuditEvidence, audit_evidence_free);

/* Beyond so many in a database nothing is found. */
#define AUDIT_EVIDENCE_MAX (INT64_C(1) << 28)

/* 1: found, and the caller frees the envelope; 0: it is not there. Errors: -ENOMEM, those of a database. */
int audit_evidence_find(AuditEvidence *evidence, const Sha256 *digest, Envelope **ret_envelope);

/* The same for what may be found once: -EEXIST it was taken before. */
int audit_evidence_take(AuditEvidence *evidence, const Sha256 *digest, Envelope **ret_envelope);
