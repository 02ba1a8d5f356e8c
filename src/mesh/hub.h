/* SPDX-License-Identifier: MIT */
#pragma once

/* What enrolment works with on the hub. Each function of invitation.h, claim.h and admission.h is one step,
 * and at most one transaction: a crash between two of them leaves a state from which both sides continue. */

#include "basic/ratelimit.h"
#include "mesh/event.h"
#include "mesh/node.h"
#include "trust/root.h"

#define MESH_BOOT_ID_SIZE 33 /* with the NUL */

/* Both clocks of one moment. */
typedef struct MeshTime {
        int64_t wall_ms;     /* CLOCK_REALTIME, which people and NTP step */
        int64_t boottime_ms; /* CLOCK_BOOTTIME of this boot */
        char boot_id[MESH_BOOT_ID_SIZE];
} MeshTime;

/* All of it is borrowed; the limits are changed. */
typedef struct Hub {
        const Store *store;
        const Node *node;
        const Root *root; /* the current one */
        Sha256 root_sha256;
        const Secret *claim_key;
        WireguardKey wireguard_key; /* public */
        MeshTime time;
        RateLimit *rejections; /* of claims by whoever comes: how many are recorded */
        RateLimit *alarms;     /* the same of those who have a token */
} Hub;
