/* SPDX-License-Identifier: MIT */
#pragma once

/* The steps that make a machine the hub of a network, in this order. Each reads first what is already so,
 * and does only the rest: after a failure or a crash, all of them again go on from there. Functions return
 * 0, or a DevboxError with the detail in `ctl->problem`. Errors: -ENOMEM, of writing. */

#include "ctl/device/ledger-client.h"
#include "ctl/mesh/mesh-client.h"
#include "ctl/operator/key.h"
#include "ctl/operator/root-chain.h"
#include "ctl/progress.h"
#include "trust/token.h"

#define HUB_ENDPOINT_SIZE (TOKEN_HOST_MAX + sizeof "[]:65535")

typedef struct HubSetupOptions {
        KeySource key;
        const char *name;   /* of the network */
        MeshHubOptions hub; /* endpoints may be without a port */
        bool key_here;      /* the operator's key may be on the hub */
} HubSetupOptions;

typedef struct HubSetup {
        Ctl *ctl;
        const HubSetupOptions *options;
        Progress progress;
        sd_bus *bus; /* that of ctl */
        MeshStatus mesh;
        DeviceStatus ledger;
        OperatorKey key; /* only while root 1 is made */
        RootChain chain; /* that of the operator */
} HubSetup;

void hub_setup_done(HubSetup *setup);

int hub_setup_operator(HubSetup *setup); /* the operator's key, on the machine of devboxctl */
int hub_setup_network(HubSetup *setup);  /* network, addresses, and the hub's keys */
int hub_setup_root(HubSetup *setup);     /* root 1, which names the hub's ledger as witness */
int hub_setup_ledger(HubSetup *setup);   /* the hub's own chain begins under that root */
int hub_setup_mesh(HubSetup *setup);     /* the mesh obeys it, too */
