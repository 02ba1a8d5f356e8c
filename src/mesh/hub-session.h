/* SPDX-License-Identifier: MIT */
#pragma once

/* What a method of the hub works with while it runs: mesh/hub.h, filled in by the daemon. */

#include "mesh/daemon-internal.h"
#include "mesh/hub.h"

typedef struct HubSession {
        Hub hub;
        Secret *claim_key;
} HubSession;

#define HUB_SESSION_NULL ((HubSession){ .claim_key = NULL })

/* Borrows from the daemon. Errors: DEVBOX_ERROR_NETWORK_MISSING this machine is no hub, or has no root yet;
 * _MESH_UNAVAILABLE; those of sealed_file_read(). */
int hub_session_begin(MeshDaemon *self, HubSession *ret_session);

/* Wipes the key. */
void hub_session_done(HubSession *session);
