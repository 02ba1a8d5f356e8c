/* SPDX-License-Identifier: MIT */
#pragma once

/* Invitations on the hub: one row for each token.
 *
 *     issued ──claim──► claimed ──admit──► spent
 *        │                 ├──another device's claim──► held
 *        └─────────────────┴──► expired, withdrawn (held ones, too)
 *
 * The token's secret is kept sealed until the invitation ends; its digest stays, so that a token that was
 * used before is distinguishable from a forged one. */

#include "mesh/hub.h"
#include "trust/answer.h"
#include "trust/claim.h"

#define INVITATION_LIFE_MS       (600 * 1000)       /* by the hub's clocks, whatever the token says */
#define INVITATION_CLAIMED_MS    (24 * 3600 * 1000) /* from a valid claim on */
#define INVITATION_GRACE_MS      (600 * 1000)       /* after it expired */
#define INVITATION_REMEMBERED_MS (INT64_C(30) * 24 * 3600 * 1000) /* after it ended */
#define INVITATIONS_MAX          64                               /* open ones */
#define INVITATION_SOURCE_SIZE   64

typedef enum InvitationState {
        INVITATION_ISSUED,
        INVITATION_CLAIMED,
        INVITATION_HELD,
        INVITATION_SPENT,
        INVITATION_EXPIRED,
        INVITATION_WITHDRAWN,
        _INVITATION_STATE_MAX,
        _INVITATION_STATE_INVALID = -EINVAL,
} InvitationState;

const char *invitation_state_to_string(InvitationState state);

typedef struct Invitation {
        uint8_t id[TOKEN_ID_SIZE];
        char device[DEVICE_NAME_SIZE];
        InvitationState state;
        Sha256 secret_sha256, root_sha256;
        uint8_t device_key_sha256[TOKEN_BINDING_SIZE]; /* zeros: any device */
        IpPrefix address;                              /* that the device will have */
        uint16_t keepalive_sec;
        MeshTime deadline; /* the earlier counts; boottime only in that boot */

        /* Zeros before it is claimed. */
        int64_t claimed_at_ms;
        Sha256 claim_sha256;
        PublicKey device_key;
        uint8_t wireguard_key[X25519_SIZE], ephemeral_key[X25519_SIZE];
        char description[CLAIM_DESCRIPTION_MAX + 1], source[INVITATION_SOURCE_SIZE];
        uint8_t hub_nonce[ENROLMENT_NONCE_SIZE]; /* zeros: bound, there are no digits */

        /* Zeros before it is spent. */
        uint8_t hub_ephemeral[X25519_SIZE];
        int64_t lost_size;
        Sha256 lost_head;
} Invitation;

bool invitation_is_bound(const Invitation *invitation);
bool invitation_is_open(const Invitation *invitation);
bool invitation_is_due(const Invitation *invitation, const MeshTime *time);

/* Returns 1, or 0: none. Errors: those of a database; -EBADMSG. */
int invitation_find(const Hub *hub, const uint8_t id[static TOKEN_ID_SIZE], Invitation *ret_invitation);

/* The open one of a device; if there is none, the one it joined with last. */
int invitation_find_device(const Hub *hub, const char *device, Invitation *ret_invitation);

typedef struct InvitationOptions {
        IpPrefix address; /* AF_UNSPEC: the one the device had, else the next free one */
        uint16_t keepalive_sec;
} InvitationOptions;

/* Adds the invitation; the same token again changes nothing. One that was issued to the same name and not
 * claimed ends. Errors: those of token_accept(); DEVBOX_ERROR_BAD_SIG it is for another hub; _TOKEN_USED;
 * _BUSY a device waits for this name, too many are open, or draw another token: its bootstrap address is
 * taken; _BAD_REQUEST the name is the hub's; _ADDRESS_TAKEN; _NETWORK_FULL; those of a database. */
int invitation_add(const Hub *hub, const Token *token, const InvitationOptions *options,
                   Invitation *ret_invitation);

/* Ends an open invitation of that name. Errors: DEVBOX_ERROR_PEER_UNKNOWN; those of a database. */
int invitation_withdraw(const Hub *hub, const char *device);

/* Ends one whose time is over: forgets its secret, but keeps its bootstrap peer for INVITATION_GRACE_MS, so
 * that a late device hears why. */
int invitation_expire(const Hub *hub, const Invitation *invitation);

/* Expires the next one that is due. Returns 1 with its device, or 0: none is. */
int invitation_expire_next(const Hub *hub, char ret_device[static DEVICE_NAME_SIZE]);

/* Drops bootstrap peers that are of no use any more, and rows of long ago. Returns 1 if a peer went. */
int invitation_forget_ended(const Hub *hub);

/* All open ones, by name; the caller frees them. */
int invitation_list(const Hub *hub, Invitation **ret_invitations, size_t *ret_n);
