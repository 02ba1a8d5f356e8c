/* SPDX-License-Identifier: MIT */
#pragma once

/* An auditor of a ledger in a directory, who takes the roots from its evidence but knows which they must be.
 */

#include "audit/verify.h"
#include "ledger/ledger-world.h"

typedef struct Auditor {
        const char *device;  /* whose chain, on a hub that witnesses it; NULL: its own */
        const Sha256 *roots; /* their digests, in the order of their versions */
        size_t n_roots;
        bool exported; /* evidence as lines of a file, not from the database */
        bool no_evidence, require_evidence;
        uint64_t now_ms; /* 0: not known */
        char *const *statements;
        size_t n_statements;
} Auditor;

/* The name of the database. */
void auditor_path(const LedgerWorld *world, char ret_path[static 128]);

AuditReport auditor_verify(const LedgerWorld *world, const Auditor *auditor);

/* Fails the test with the report, unless it is UNWITNESSED or OK, and of so many requests. */
void auditor_assert_whole(const AuditReport *report, size_t n_accepted, size_t n_proved);

/* Has the nth of the plain requests accepted. */
void auditor_run(LedgerWorld *world, unsigned n);

/* ---- a dishonest device: both write into the chain of a closed ledger, with valid hashes */

typedef struct Claim {
        Case given; /* the request */
        const char *entry;
        const char *principal, *room; /* NULL: those of the request */
        bool redact_all, without_evidence;
} Claim;

/* That the request was accepted now. */
void auditor_claim(LedgerWorld *world, const Claim *claim);

void auditor_append(LedgerWorld *world, AuditType type, const AuditBody *body);
