/* SPDX-License-Identifier: MIT */
#pragma once

/* A new invitation: signed here, open at the hub. Functions return 0, or a DevboxError with the detail in
 * `ctl->problem`. Errors: -ENOMEM. */

#include "ctl/hub/session.h"
#include "trust/token.h"

typedef struct InvitationRequest {
        const char *name;       /* of the device */
        const PublicKey *bound; /* the one device that may use it; NULL: any */
        MeshPeerOptions peer;
} InvitationRequest;

/* The caller wipes the token with token_done(). */
int invitation_make(HubSession *session, const InvitationRequest *request, Token *ret_token,
                    MeshInvitation *ret_invitation);

/* "devbox1:…" and its QR code, unless that is too wide for a terminal, and the words that the device shows.
 */
int invitation_print(const Ctl *ctl, const Token *token);

int invitation_print_json(const Token *token, const MeshInvitation *invitation);
