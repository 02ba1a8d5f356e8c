/* SPDX-License-Identifier: MIT */
#pragma once

/* The permit: one worker may run one accepted request, once. Signed by the device (its ledger) when the
 * acceptance is spent, over a key that the worker made for this one run: whoever passes it on, the agent
 * included, can neither use it again nor for another request.
 *
 * Ledger and worker agree on a key by X25519 of the worker's and a fresh one of the ledger. With it the
 * worker authenticates how the run ended (trust/worker-end.h), so that no output or exit status enters the
 * chain that no worker made. */

#include "crypto/x25519.h"
#include "trust/envelope.h"
#include "trust/manifest.h"
#include "trust/request.h"

#define ENVELOPE_PERMIT ENVELOPE_TYPE("permit")
#define PERMIT_MAX      (256 * 1024)

typedef struct Permit {
        char *device;
        Sha256 request_sha256;
        uint8_t worker_key[X25519_SIZE], ledger_key[X25519_SIZE];
        LIST_OF(Capability) capabilities; /* exactly one: the manifest's entry, word for word */
        PathRoots roots;                  /* the manifest's */
} Permit;

extern const Schema permit_schema;
DEFINE_DOCUMENT(Permit, permit);

/* What the permit is written from; borrowed. */
typedef struct PermitGrant {
        const char *device;
        const Sha256 *request_sha256;
        const uint8_t *worker_key; /* X25519_SIZE bytes */
        const Capability *capability;
        const PathRoots *roots;
} PermitGrant;

/* Signs a permit; the caller frees the envelope's text. `ret_end_key` is what worker_end_open() takes.
 * Errors: DEVBOX_ERROR_BAD_REQUEST the worker's key is of small order; -ENOMEM. */
int permit_grant(const PermitGrant *grant, const KeyPair *device, char **ret_envelope, Secret **ret_end_key);

typedef struct PermitWorker {
        const Secret *secret;
        uint8_t key[X25519_SIZE]; /* the public key of it */
} PermitWorker;

/* `ret_end_key` is what worker_end_seal() takes. Errors: DEVBOX_ERROR_BAD_ENVELOPE, _UNKNOWN_KEY, _BAD_SIG,
 * _BAD_SCHEMA; -EKEYREJECTED it is for another worker; -ENOMEM. */
int permit_open(Bytes envelope, const PublicKey *device, const PermitWorker *worker, Permit **ret_permit,
                Secret **ret_end_key);

typedef struct PermitUse {
        const Request *request;
        const Sha256 *request_sha256; /* of its envelope */
        const Ceiling *ceiling;
} PermitUse;

/* Whether the permit is for this request, whose arguments its entry allows, and within the ceiling of this
 * machine. Errors: DEVBOX_ERROR_APPROVAL_MISMATCH it is for another request; those of capability_match() and
 * ceiling_check(). */
int permit_check(const Permit *permit, const PermitUse *use, SchemaFault *ret_fault);
