/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether a device acts on a request: one pure function over everything that matters, in a fixed order, so
 * that ledger and worker judge alike and a test can put any world before it. The first rule that fails names
 * the refusal:
 *
 *     peer_revoked · bad_sig, unknown_key · bad_schema · wrong_device · session_mismatch ·
 *     known request (its stored result, or request_id_conflict) · nonce_replay ·
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

/* The roles that key ids are made of. */
#define DISPATCHER_ROLE "dispatcher" /* signs requests and deliveries */
#define APPROVAL_ROLE   "approval"   /* attesters and approvers */

/* What the ledger remembers. Each returns 0 for no and 1 for yes; < 0 is -errno and refuses with
 * DEVBOX_ERROR_AUDIT_UNAVAILABLE: what cannot be looked up is not allowed. */
typedef struct AcceptLedger {
        int (*request_known)(void *ledger, const char *request_id, Sha256 *ret_digest);
        int (*nonce_known)(void *ledger, const uint8_t nonce[REQUEST_NONCE_SIZE]);
        int (*approval_used)(void *ledger, const Sha256 *digest);

        /* Whether `n` or more requests were accepted under this entry since then. */
        int (*rate_reached)(void *ledger, const char *capability_id, uint64_t since_ms, int64_t n);
        void *ledger;
} AcceptLedger;

/* What the device knows. Everything is borrowed. */
typedef struct AcceptDevice {
        const char *name;
        const Root *root;
        const Manifest *manifest; /* accepted by manifest_accept(); NULL: none yet */
        Sha256 manifest_digest;
        uint64_t manifest_confirmed_at_ms; /* by the hub; for strict capabilities */
        uint8_t session[SESSION_NONCE_SIZE];
        int64_t counter; /* of the last delivery of this session */
        uint64_t now_ms;
        uint64_t time_floor_ms;   /* the latest time this device ever acted at */
        uint64_t issued_floor_ms; /* what was issued until then is over: it may have been forgotten */
        bool clock_synchronised;
        bool revoked;
} AcceptDevice;

typedef struct AcceptInput {
        const Envelope *request, *delivery;
        const Envelope *approvals[APPROVALS_MAX];
        size_t n_approvals;
} AcceptInput;

typedef struct AcceptVerdict {
        DevboxError error; /* 0: it may run, or is known */
        bool known;        /* the same request was judged before: answer with what is stored, run nothing */
        bool counted;      /* refused before anything could be believed: count it, do not log it */
        char subject[64];  /* what a sentence about it names: "shell.exec.rm" */
        Sha256 digest;     /* of the request */
        int64_t counter;   /* of the delivery: the session's new counter, once it was verified; else 0 */
        uint64_t start_until_ms; /* beyond, it has expired and may not start; set once it may run */

        Request *request;                   /* owned here; NULL if it never got so far */
        const Capability *capability;       /* the entry, in the manifest */
        Approval *approvals[APPROVALS_MAX]; /* owned here; verified, in the order they came */
        Sha256 approval_digests[APPROVALS_MAX];
        size_t n_approvals;
} AcceptVerdict;

#define ACCEPT_VERDICT_NULL ((AcceptVerdict){ 0 })

void accept_verdict_done(AcceptVerdict *verdict);

/* Fills `verdict`, which must be ACCEPT_VERDICT_NULL; the caller releases it with accept_verdict_done() in
 * every case. Returns verdict->error, or -ENOMEM. */
int accept_request(const AcceptDevice *device, const AcceptLedger *ledger, const AcceptInput *input,
                   AcceptVerdict *verdict);

/* The same for one that a device says it accepted at device->now_ms, as an auditor judges it later: without
 * a delivery, of which nothing is left, and without a memory. */
int accept_replay(const AcceptDevice *device, const AcceptInput *input, AcceptVerdict *verdict);
