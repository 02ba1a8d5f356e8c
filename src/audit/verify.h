/* SPDX-License-Identifier: MIT */
#pragma once

/* Verifies a chain offline: from the chain itself, the roots, and the checkpoints that others have kept. The
 * chain is read once; the heads of its last entries and the requests of a day are kept in memory.
 *
 * A truncated chain is a valid chain; only a checkpoint kept elsewhere reveals the truncation. So
 * the outcome is OK only with a checkpoint that a witness of the newest root countersigned.
 * Countersignatures that the chain itself records must be valid, but confirm nothing: a cut removes the
 * later ones, too. */

#include "audit/chain-state.h"
#include "audit/evidence.h"
#include "audit/reader.h"

/* Of several the last one counts. */
typedef enum AuditOutcome {
        AUDIT_OK,
        AUDIT_UNPROVEN,    /* valid and witnessed, but evidence does not show that all of it was allowed */
        AUDIT_UNWITNESSED, /* valid, but no witness confirms the length */
        AUDIT_TRUNCATED,   /* shorter than a checkpoint, or ends within an entry */
        AUDIT_FORK,        /* differs from what a checkpoint confirms: there are two histories */
        AUDIT_BROKEN,      /* an entry was changed, left out, added or moved, or was not allowed */
        _AUDIT_OUTCOME_MAX,
} AuditOutcome;

const char *audit_outcome_name(AuditOutcome outcome); /* "OK", "UNWITNESSED", … */

/* What the auditor holds. Everything is borrowed and optional: without roots no witness is recognised and
 * nothing is judged again. */
typedef struct AuditMeans {
        const AuditRoot *roots;
        size_t n_roots;
        AuditEvidence *evidence; /* if there is any, all of it must be there: else the chain is UNPROVEN */
        bool require_evidence;   /* also UNPROVEN if there is none */
        uint64_t now_ms;         /* entries dated more than a day later are UNPROVEN; 0: not known */
        bool hash_only;          /* do not look at what entries record, but for the device's keys */
        bool may_be_empty;       /* a hub has no entries yet of a device that has just enrolled */
} AuditMeans;

typedef struct AuditReport {
        AuditOutcome outcome;
        uint64_t at;        /* the first bad entry; FORK: the size at which the histories differ; TRUNCATED:
                               the size of the checkpoint */
        const char *why;    /* a sentence without a full stop; NULL: none */
        DevboxError error;  /* of a judgement, in addition to `why`; 0: none */
        uint64_t size;      /* entries that are valid */
        Sha256 head;        /* hash of the last of them */
        uint64_t witnessed; /* entries confirmed by a witness of the newest root */
        uint64_t retired;   /* by a witness that a later root retired */
        size_t n_accepted, n_judged;     /* requests: accepted, judged again */
        size_t n_redacted;               /* accepted, of which some arguments are digests */
        size_t n_unproven;               /* accepted, but neither judged nor allowed by what is recorded */
        size_t n_ahead;                  /* entries dated after the auditor's clock */
        size_t n_unknown_roots;          /* in the chain, but not held by the auditor */
        size_t n_checkpoints, n_ignored; /* checkpoints: compared, without a valid signature */
} AuditReport;

typedef struct AuditVerifier AuditVerifier;

/* Errors: -ENOMEM. */
int audit_verifier_new(const ChainIdentity *identity, const AuditMeans *means, AuditVerifier **ret_verifier);
AuditVerifier *audit_verifier_free(AuditVerifier *verifier);
DEFINE_CLEANUP(AuditVerifier, audit_verifier_free);

/* Before audit_verify(), in any order; ignores one of another device. Errors: -EBADMSG not a checkpoint in
 * an envelope; -ENOMEM. */
int audit_verifier_add_checkpoint(AuditVerifier *verifier, const char *envelope);

/* Reads all of the chain. Errors: those of audit_reader_next(); -ENOMEM. */
int audit_verify(AuditVerifier *verifier, AuditReader *reader, AuditReport *ret_report);
