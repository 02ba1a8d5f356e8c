/* SPDX-License-Identifier: MIT */
#pragma once

/* The manifest: what one device may do, for whom, and which keys may send requests. Signed by the operator;
 * a device acts on nothing else. */

#include "trust/capability.h"
#include "trust/root.h"

typedef struct Ceiling Ceiling;

/* The version of the manifest that revokes a device for this epoch: no dispatchers, no capabilities. */
#define MANIFEST_TOMBSTONE INT64_C(2147483647)

typedef struct ManifestOperator {
        char *principal;      /* proto/id.h; "mxid" in the document, as all of these */
        char *person;         /* a label: principals of one person have the same; NULL: none */
        PublicKey master_key; /* their pinned cross-signing key; zero = not a Matrix user */
} ManifestOperator;

typedef struct ManifestApprover {
        char *principal, *person;
        PublicKey key;        /* their own key, for the signed tier; zero = none */
        PublicKey master_key; /* as an operator's, for decisions by Matrix */
} ManifestApprover;

typedef struct ManifestDispatcher {
        PublicKey key;
        int64_t not_after_ms;
        LIST_OF(char *) capabilities; /* ids; absent = all, and the list is never empty */
} ManifestDispatcher;

typedef struct ManifestAttester {
        PublicKey key;
        int64_t not_after_ms;
} ManifestAttester;

typedef struct ManifestLimits {
        int64_t skew_s;      /* between the clocks of hub and device */
        int64_t stale_max_s; /* since the hub last confirmed this manifest; for strict capabilities */
} ManifestLimits;

typedef struct Manifest {
        char *device;
        PublicKey device_key;
        int64_t epoch, version;
        Sha256 previous; /* digest of the one before; zero = the first of its epoch */
        int64_t issued_at_ms, expires_at_ms;
        LIST_OF(ManifestOperator) operators;
        LIST_OF(ManifestApprover) approvers;
        LIST_OF(ManifestDispatcher) dispatchers;
        LIST_OF(ManifestAttester) attesters;
        ManifestLimits limits;
        PathRoots roots;
        LIST_OF(Capability) capabilities;
} Manifest;

extern const Schema manifest_schema;
DEFINE_SIGNED_DOCUMENT(Manifest, manifest);

/* The part of a manifest that does not depend on device, keys, version and time, which are absent. */
extern const Schema manifest_policy_schema;

/* The last accepted manifest: epoch and version never decrease. Zero: none yet. */
typedef struct ManifestFloor {
        int64_t epoch, version;
        Sha256 digest;
} ManifestFloor;

/* The state of the device that a manifest is checked against. */
typedef struct ManifestJudge {
        const Root *root;
        const char *device;
        const PublicKey *device_key;
        const Ceiling *ceiling; /* NULL: allows nothing */
        bool ceiling_unknown;   /* for an auditor, who cannot know it: not checked */
        ManifestFloor floor;
        uint64_t now_ms;        /* read once, at the start of the update */
        uint64_t time_floor_ms; /* expiry is checked against the later of the two */
} ManifestJudge;

typedef struct ManifestVerdict {
        Manifest *manifest; /* owned by the caller */
        Sha256 digest;
        bool unchanged;    /* the current one: nothing to do */
        bool gap;          /* versions in between were never seen here; recorded, not rejected */
        SchemaFault fault; /* with BAD_SCHEMA and MANIFEST_CEILING */
} ManifestVerdict;

static inline void manifest_verdict_done(ManifestVerdict *verdict)
{
        verdict->manifest = manifest_free(verdict->manifest);
}

/* Verifies, parses and checks. `ret_verdict` is set on success; on rejection only its fault is.
 * Errors: DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE, BAD_SCHEMA, WRONG_DEVICE, MANIFEST_ROLLBACK,
 * MANIFEST_FORK (the same version with other content), ROOT_NEEDED, ROOT_EXPIRED, NOT_YET_VALID,
 * MANIFEST_EXPIRED, MANIFEST_CEILING; -ENOMEM. */
int manifest_accept(const ManifestJudge *judge, const Envelope *envelope, ManifestVerdict *ret_verdict);

bool manifest_is_tombstone(const Manifest *manifest);

/* Whether it was issued in the future, beyond the skew that it allows. */
bool manifest_is_dated_ahead(const Manifest *manifest, uint64_t now_ms);

/* NULL: not in the manifest. */
const ManifestOperator *manifest_find_operator(const Manifest *manifest, const char *principal);
const ManifestApprover *manifest_find_approver(const Manifest *manifest, const char *principal);

/* Whether both are the same principal, or principals of one person, who counts once. */
bool manifest_same_person(const Manifest *manifest, const char *a, const char *b);

/* By its id; NULL: not in the manifest. */
const Capability *manifest_find_entry(const Manifest *manifest, const char *id);

/* The entry that allows the arguments; of several the one that demands the highest approval, so that adding
 * an entry never loosens another. Errors: DEVBOX_ERROR_UNKNOWN_CAPABILITY no entry of this kind; else the
 * reason of the entry that matches best. */
int manifest_find_capability(const Manifest *manifest, CapabilityKind kind, const Arguments *arguments,
                             const Capability **ret_capability);
