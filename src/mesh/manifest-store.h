/* SPDX-License-Identifier: MIT */
#pragma once

/* The manifests that the hub keeps for delivery. Of a device the last one counts: the highest epoch, in it
 * the highest version. */

#include "store/query.h"
#include "trust/manifest.h"

#define MANIFEST_TEXT_MAX                                                                                   \
        (192 * 1024) /* of the envelope: with the roots it must fit an answer to a claim                    \
                      */

/* The floor of a device; zeros if it has none. `ret_envelope` may be NULL; the caller frees it. Returns 1 or
 * 0: none. Errors: those of a database; -EBADMSG. */
int manifest_store_last(Database *database, const char *device, ManifestFloor *ret_floor,
                        char **ret_envelope);

/* Inside the caller's transaction; the same again changes nothing. */
int manifest_store_keep(Database *database, const ManifestVerdict *verdict, const char *envelope);

/* What the next manifest of a device must say under this root. Errors: also DEVBOX_ERROR_PEER_REVOKED a
 * tombstone ended this epoch. */
typedef struct ManifestNext {
        int64_t epoch, version;
        Sha256 previous;
} ManifestNext;

int manifest_store_next(Database *database, const Root *root, const char *device, ManifestNext *ret_next);
