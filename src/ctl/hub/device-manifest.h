/* SPDX-License-Identifier: MIT */
#pragma once

/* The manifest that a device gets next. */

#include "ctl/hub/session.h"

typedef struct DeviceManifest {
        const char *device;
        const char *path; /* what the person wrote; NULL: its stored template, else as the one that it had */
        const PublicKey *key; /* of the device; NULL: not known yet, for looking at the manifest only */
        const MeshManifestNext *next; /* NULL: likewise */
} DeviceManifest;

/* Not signed yet; the caller frees it. What the hub keeps counts only under the operator's signature.
 * Returns 0, or a DevboxError with the detail in `ctl->problem`. Errors: -ENOMEM. */
int device_manifest_make(HubSession *session, const DeviceManifest *wanted, Manifest **ret_manifest);

/* Stores what the person wrote as the device's template. Before the hub gets the manifest: a command that is
 * interrupted after that is not repeated, and the next manifest must not undo it. Returns as above. */
int device_manifest_keep(HubSession *session, const DeviceManifest *wanted);

/* What the hub keeps for a device: of the operator, but it may be of an earlier root. */
typedef struct KeptManifest {
        Manifest *manifest;
        Sha256 digest;
        bool by_current_root;
} KeptManifest;

#define KEPT_MANIFEST_NULL ((KeptManifest){ 0 })

void kept_manifest_done(KeptManifest *kept);

/* Returns as above; DEVBOX_ERROR_MANIFEST_MISSING the hub keeps none. */
int device_manifest_read_kept(HubSession *session, const char *device, KeptManifest *ret_kept);
