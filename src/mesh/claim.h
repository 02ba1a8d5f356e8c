/* SPDX-License-Identifier: MIT */
#pragma once

/* The hub's answer to a claim. One compare-and-set transaction makes a machine the device of an invitation;
 * whatever comes after it only reads:
 *
 *     state      the same claim         another claim
 *     issued     claimed, pending       claimed, pending
 *     claimed    pending                held, alarm: token_used
 *     held       token_used             token_used
 *     spent      admitted               alarm: token_used
 *     expired, withdrawn                token_expired
 *
 * Claims that are not authentic, or of unknown tokens, are unauthorized and change nothing. */

#include "mesh/invitation.h"
#include "netlink/wireguard.h"

/* What is to be announced, also with an error; the outbox has it. */
typedef struct ClaimOutcome {
        MeshEvent event; /* _MESH_EVENT_MAX: nothing */
        char device[DEVICE_NAME_SIZE];
        uint8_t *answer; /* sealed; NULL with an error */
        size_t answer_size;
} ClaimOutcome;

#define CLAIM_OUTCOME_NULL ((ClaimOutcome){ .event = _MESH_EVENT_MAX })

void claim_outcome_done(ClaimOutcome *outcome);

/* `source`: the address that it came from; one of a bootstrap tunnel is only stored until claims_locate()
 * replaces it. Errors: DEVBOX_ERROR_UNAUTHORIZED, _TOKEN_EXPIRED, _TOKEN_USED,
 * _PEER_REVOKED the device was revoked since; those of a database. */
int hub_claim(const Hub *hub, Bytes sealed, const char *source, ClaimOutcome *ret_outcome);

/* Replaces the addresses in bootstrap tunnels that open invitations were claimed from by those that the
 * peers of `running` send from. Returns how many are left. Errors: those of a database; -ENOMEM. */
int claims_locate(Database *database, const WireguardDevice *running);
