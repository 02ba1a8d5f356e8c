/* SPDX-License-Identifier: MIT */
#pragma once

/* Admission on the hub: the operator signed a manifest for the key that claimed an invitation. From then on
 * there are two peers of the device, the bootstrap peer and its own; the first handshake of its own ends the
 * other. */

#include "mesh/invitation.h"
#include "mesh/manifest-store.h"

/* The chain that a device had with an earlier key of its ledger, as far as the hub knows it. */
typedef struct LostChain {
        int64_t size; /* 0: none */
        Sha256 head;
} LostChain;

/* Whether the device that waits was here before with another ledger key, so that its chain begins anew and
 * must name the lost one: 1 or 0. */
int hub_has_lost_chain(const Hub *hub, const char *device);

/* What is to be announced, also with an error; the outbox has it. */
typedef struct AdmissionOutcome {
        MeshEvent event;   /* admitted, manifest_rejected; _MESH_EVENT_MAX: nothing */
        SchemaFault fault; /* with DEVBOX_ERROR_BAD_SCHEMA */
} AdmissionOutcome;

/* Admits the device that waits for that name, in one transaction: device, key, preshared key, manifest, the
 * token is spent, Pin and entry in the outbox. The same again changes nothing. A device that was here before
 * keeps its address and chain id; its former WireGuard keys are revoked. Errors: those of manifest_accept();
 * DEVBOX_ERROR_PEER_UNKNOWN nothing waits; _TOKEN_USED it is on hold; _TOKEN_EXPIRED; those of a database.
 */
int hub_admit(const Hub *hub, const char *device, const char *manifest, const LostChain *lost,
              AdmissionOutcome *ret_outcome);

/* The answer for a device that was admitted; the caller frees it. Errors: DEVBOX_ERROR_PEER_REVOKED; those
 * of a database. */
int admission_answer(const Hub *hub, const Invitation *invitation, Answer **ret_answer);

/* The device's own peer had its first handshake: it is active, its bootstrap peer goes. Again it changes
 * nothing. Errors: those of a database. */
int admission_complete(Database *database, const char *device, int64_t now_ms);
