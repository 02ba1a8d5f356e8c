/* SPDX-License-Identifier: MIT */
#pragma once

/* The manifest that a device gets next. */

#include "ctl/hub/session.h"

typedef struct DeviceManifest {
        const char *device;
        const char *path;     /* what the person wrote; NULL: as the one that the device had */
        const PublicKey *key; /* of the device; NULL: not known yet, for looking at the manifest only */
        const MeshManifestNext *next; /* NULL: likewise */
} DeviceManifest;

/* Not signed yet; the caller frees it. What the hub keeps counts only under the operator's signature.
 * Returns 0, or a DevboxError with the detail in `ctl->problem`. Errors: -ENOMEM. */
int device_manifest_make(HubSession *session, const DeviceManifest *wanted, Manifest **ret_manifest);
