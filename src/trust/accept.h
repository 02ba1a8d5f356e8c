/* SPDX-License-Identifier: MIT */
#pragma once

/* Decides whether a device acts on a request: one pure function of everything that matters, in a fixed
 * order, so that ledger, worker and auditor decide alike. The first rule that fails is the reason:
 *
 *     peer_revoked · bad_sig, unknown_key · bad_schema · wrong_device · session_mismatch ·
 *     known request (its stored result, or request_id_conflict) · nonce_replay · request_withdrawn ·
 *     clock_rollback, not_yet_valid, expired · manifest_missing, manifest_expired, stale_manifest,
 *     manifest_needed · operator_unknown · unknown_capability, dispatcher_scope · binary_not_allowed,
 *     args_denied, path_denied · outside_window, manifest_unconfirmed, clock_unsynced · rate_limited ·
 *     approval_missing, _mismatch, _expired, _denied, _reused
 *
 * Nothing here writes. Who accepts must commit nonce, request and audit entry as one before anything runs.
 */

#include "proto/error.h"
#include "trust/delivery.h"
#include "trust/envelope.h"
#include "trust/manifest.h"
#include "trust/request.h"

#define APPROVALS_MAX 4

/* The roles in key ids. */
#define DISPATCHER_ROLE "dispatcher" /* signs requests and deliveries */
#define APPROVAL_ROLE   "approval"   /* attesters and approvers */

/* Queries of the ledger's state. Ids and nonces are those of one dispatcher: another cannot use them up.
 * Each returns 0 for no and 1 for yes; < 0 is -errno, for which the request is rejected with
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE. */
typedef struct AcceptLedger {
        /* Whether this request was accepted, or finally denied to this dispatcher. */
        int (*request_known)(void *ledger, const PublicKey *dispatcher, const Sha256 *digest);

        /* Whether this dispatcher used the id, or the nonce, before. */
        int (*id_used)(void *ledger, const PublicKey *dispatcher, const char *request_id);
        int (*nonce_used)(void *ledger, const PublicKey *dispatcher,
                          const uint8_t nonce[REQUEST_NONCE_SIZE]);
        int (*approval_used)(void *ledger, const Sha256 *digest);

        /* Whether `n` or more requests were accepted under this entry since then. */
        int (*rate_reached)(void *ledger, const char *capability_id, uint64_t since_ms, int64_t n);
        void *ledger;
} AcceptLedger;

/* The state of the device. Everything is borrowed. */
typedef struct AcceptDevice {
        const char *name;
        const Root *root;
        const Manifest *manifest; /* accepted by manifest_accept(); NULL: none yet */
        Sha256 manifest_digest;
        uint64_t manifest_confirmed_at_ms; /* by the hub; for strict capabilities */
        uint8_t session[SESSION_NONCE_SIZE];
        const DeliveryCounters *counters; /* of this session; NULL: none, so no delivery is valid */
        uint64_t now_ms;
        uint64_t time_floor_ms;   /* the latest time of any acceptance */
        uint64_t issued_floor_ms; /* requests issued until then are rejected: their rows may be deleted */
        bool clock_synchronised;
        bool revoked;
} AcceptDevice;

typedef struct AcceptInput {
        const Envelope *request, *delivery;
        const Envelope *approvals[APPROVALS_MAX];
        size_t n_approvals;
} AcceptInput;

typedef struct AcceptVerdict {
        DevboxError error;       /* 0: accepted, or known */
        bool known;              /* the same request was decided before: answer with the stored result */
        bool withdrawn;          /* by this delivery */
        bool counted;            /* rejected while unauthenticated: count it, add no entry to the chain */
        char subject[64];        /* for messages: "shell.exec.rm" */
        Sha256 digest;           /* of the request */
        PublicKey dispatcher;    /* who signed the request, once verified */
        int64_t counter;         /* that it uses, once the delivery was verified; else 0 */
        uint64_t start_until_ms; /* it must start until then; set on acceptance */

        Request *request;                   /* owned here; NULL if it was not parsed */
        const Capability *capability;       /* the entry, in the manifest */
        Approval *approvals[APPROVALS_MAX]; /* owned here; verified, in the order of the input */
        Sha256 approval_digests[APPROVALS_MAX];
        size_t n_approvals;
} AcceptVerdict;

#define ACCEPT_VERDICT_NULL ((AcceptVerdict){ 0 })

void accept_verdict_done(AcceptVerdict *verdict);

/* Fills `verdict`, which must be ACCEPT_VERDICT_NULL; the caller releases it with accept_verdict_done() in
 * every case. Returns verdict->error, or -ENOMEM. */
int accept_request(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                   AcceptVerdict *verdict);

/* Whether the hub has confirmed the manifest recently enough for this entry of it: always, unless it is
 * strict. */
bool accept_is_confirmed(const AcceptDevice *device, const Capability *capability);

/* What remains of an accepted request until it starts. */
typedef struct AcceptedRequest {
        Sha256 manifest;   /* that it was accepted under */
        const char *entry; /* its id there */
        uint64_t start_until_ms;
} AcceptedRequest;

/* Decides whether an accepted request may start now: not if a new one like it would be rejected, because the
 * manifest changed, expired or was revoked, the entry's hours are over, or its own time. Errors: those of
 * accept_request(), in its order. */
int accept_start(const AcceptDevice *device, const AcceptedRequest *accepted);

/* Decides again, for an auditor, on a request that a device recorded as accepted at device->now_ms: without
 * a delivery, which is not kept, and without the ledger's state. */
int accept_replay(const AcceptDevice *device, const AcceptInput *input, AcceptVerdict *verdict);
