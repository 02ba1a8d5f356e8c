/* SPDX-License-Identifier: MIT */
#pragma once

/* A chain to tamper with: a genesis, then requests that are accepted, started and finished, and its
 * checkpoints. Deterministic; made once for all tests of a program. */

#include "audit/chain-cursor.h"
#include "audit/checkpoint.h"
#include "audit/export.h"
#include "audit/verify.h"
#include "trust/world.h"

#define ENTRIES 400

extern const ChainIdentity chain_identity;

typedef struct Chain {
        char *bodies[ENTRIES];
        AuditEntry entries[ENTRIES];
        Checkpoint at[ENTRIES + 1]; /* at[n]: after n entries */
        Root *root;
        AuditRoot roots[1];
        char path[64];
} Chain;

extern Chain chain;

/* For a group of tests. */
int chain_make(void **state);
int chain_free(void **state);

AuditType chain_type_at(size_t i);

/* The body of an entry about a request; three numbers in a row are one request. The caller frees it. */
char *chain_request_body(AuditType type, size_t i);

/* The text of entries in a form; the caller frees it. */
char *chain_export(AuditForm form, const AuditEntry *entries, size_t n, size_t *ret_size);

/* A checkpoint signed by the device and, if `witnessed`, countersigned; the caller frees it. */
char *chain_sign_checkpoint(const Checkpoint *checkpoint, WorldKey device, bool witnessed);

/* Verifies bytes as a file. `checkpoint` may be NULL; `root`: whether the auditor holds it. */
AuditReport chain_verify(const void *bytes, size_t size, const char *checkpoint, bool root);
