/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether a history is whole, from the chain alone, the root, and what others have kept of its length: no
 * service is asked. The chain streams by; what is kept is one number and hash for each statement about it,
 * and the requests that have not ended.
 *
 * A statement (a checkpoint) is the device's word on how long its chain was and how it ended. Whoever cuts
 * the end off a chain can leave it perfectly well-formed; only a statement that was kept elsewhere shows it.
 * So a chain is never called whole without one that a witness countersigned, which is checked against the
 * newest root's role `witness`. What the chain itself records of countersignatures must be true, but does
 * not make it whole: a cut takes the later ones with it. */

#include "audit/chain-state.h"
#include "audit/evidence.h"
#include "audit/reader.h"
#include "proto/error.h"

/* The exit statuses of devboxctl audit verify; of several the highest counts. */
typedef enum AuditOutcome {
        AUDIT_WHOLE = 0,
        AUDIT_UNWITNESSED = 3, /* it holds together, but nobody vouches for its length */
        AUDIT_TRUNCATED = 4,   /* it is shorter than it was, or ends in the middle of an entry */
        AUDIT_FORK = 5,        /* it differs from what was said of it: there are two histories */
        AUDIT_BROKEN = 6,      /* an entry was changed, left out, added or moved */
} AuditOutcome;

const char *audit_outcome_name(AuditOutcome outcome); /* "OK", "UNWITNESSED", … */

/* What an auditor brings. Everything is borrowed and may be missing: without roots no witness is recognised
 * and nothing is judged again. */
typedef struct AuditMeans {
        const AuditRoot *roots;
        size_t n_roots;
        AuditEvidence *evidence;
        bool hash_only;    /* leaves out what entries say and mean */
        bool may_be_empty; /* a hub has nothing yet of a device that just came */
} AuditMeans;

typedef struct AuditReport {
        AuditOutcome outcome;
        uint64_t at;         /* the first bad entry; FORK: the size at which the histories differ; TRUNCATED:
                                the size that was stated */
        const char *why;     /* a sentence of ours, without a full stop; NULL: all is well */
        DevboxError refusal; /* that a judgement gave, as an addition to `why`; 0: none */
        uint64_t size;       /* entries that hold together */
        Sha256 head;         /* the hash of the last of them */
        uint64_t witnessed;  /* entries that a witness of the newest root vouches for */
        uint64_t retired;    /* and those that one vouched for whom a later root retired */
        size_t n_accepted, n_proved;    /* requests: accepted, judged again */
        size_t n_redacted;              /* accepted, of which the chain has not all arguments */
        size_t n_unknown_roots;         /* in the chain, and not the auditor's */
        size_t n_statements, n_ignored; /* statements: that were checked, that have no valid signature */
} AuditReport;

typedef struct AuditVerifier AuditVerifier;

/* Errors: -ENOMEM. */
int audit_verifier_new(const ChainIdentity *identity, const AuditMeans *means, AuditVerifier **ret_verifier);
AuditVerifier *audit_verifier_free(AuditVerifier *verifier);
DEFINE_CLEANUP(AuditVerifier, audit_verifier_free);

/* Statements come first, in any order; one of another device is passed over. Errors: -EBADMSG not an
 * envelope; -ENOMEM. */
int audit_verifier_add_statement(AuditVerifier *verifier, const char *envelope);

/* All of the chain. Errors: those of audit_reader_next(); -ENOMEM. */
int audit_verify(AuditVerifier *verifier, AuditReader *source, AuditReport *ret_report);
