/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.devbox.Dispatch1 about devices, and the manifests that they run under. Functions return 0, or
 * a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */

#include "ctl/mesh/mesh-client.h"
#include "trust/manifest.h"

/* As ListDevices of org.devbox.Dispatch1 has it. */
typedef struct FleetDevice {
        MeshPeer peer;
        const char *quarantine;
        const char *manifest_problem; /* why the device does not install it; NULL: it did not reject it */
        uint64_t approving, queued, running, audit_entries;
        uint64_t witnessed_entries; /* 0 also where the hub's ledger does not answer */
} FleetDevice;

/* The devices of the hub, as rows of FleetDevice. */
extern const ClientQuery dispatch_list_devices;

/* The newest manifest of a device, as the hub has it and devbox-mesh has verified it. */
int devices_client_get_manifest(sd_bus *bus, const char *device, Manifest **ret_manifest,
                                char **ret_problem);

/* The keys of the hub that manifests name. */
typedef struct DispatchKeys {
        PublicKey dispatcher, attester;
} DispatchKeys;

int devices_client_get_keys(sd_bus *bus, DispatchKeys *ret_keys, char **ret_problem);
