/* SPDX-License-Identifier: MIT */
#pragma once

/* An operator at work on a hub: its bus, the root that both obey, and the key that signs for it, which is
 * unsealed once per command. Functions return 0, or a DevboxError with the detail in `ctl->problem`. Errors:
 * -ENOMEM. */

#include "ctl/mesh/mesh-client.h"
#include "ctl/operator/key.h"
#include "ctl/operator/root-chain.h"
#include "ctl/verb.h"
#include "trust/manifest.h"

typedef struct HubSession {
        Ctl *ctl;
        const KeySource *source;
        sd_bus *bus; /* that of ctl */
        MeshStatus mesh;
        int64_t clock_offset_ms; /* of the hub's clock from the one here */
        RootChain chain;
        OperatorKey key;
} HubSession;

/* Opens the bus, and reads the operator's root, which must be that of the hub, and the key that it lets sign
 * manifests and invitations. `source` is borrowed. On failure as well the caller calls hub_session_done().
 */
int hub_session_open(Ctl *ctl, const KeySource *source, HubSession *ret_session);
void hub_session_done(HubSession *session);

/* Asks for the passphrase, the first time. */
int hub_session_unseal(HubSession *session);

/* The clock of the hub: what it accepts is dated by it. */
uint64_t hub_session_now_ms(const HubSession *session);

/* The caller frees the text. */
int hub_session_sign_manifest(HubSession *session, const Manifest *manifest, char **ret_text);
