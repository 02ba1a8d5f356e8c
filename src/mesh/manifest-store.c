/* SPDX-License-Identifier: MIT */
/* The manifests that the hub keeps for delivery. */

#include "mesh/manifest-store.h"

#include "proto/error.h"

static int read_last(const Statement *row, ManifestFloor *ret_floor, char **ret_envelope)
{
        ManifestFloor floor = { .epoch = statement_integer(row, 0), .version = statement_integer(row, 1) };

        int r = statement_copy_bytes(row, 2, floor.digest.bytes, SHA256_SIZE);
        if (r < 0)
                return r;
        if (ret_envelope) {
                *ret_envelope = strdup(strempty(statement_text(row, 3)));
                if (!*ret_envelope)
                        return -ENOMEM;
        }

        *ret_floor = floor;
        return 1;
}

int manifest_store_last(Database *database, const char *device, ManifestFloor *ret_floor,
                        char **ret_envelope)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        *ret_floor = (ManifestFloor){ 0 };
        int r = query(database, &row,
                      "SELECT epoch, version, digest, envelope FROM manifest WHERE device = ?"
                      " ORDER BY epoch DESC, version DESC LIMIT 1",
                      "t", device);
        if (r == 0)
                r = statement_step(row);
        return r <= 0 ? r : read_last(row, ret_floor, ret_envelope);
}

int manifest_store_keep(Database *database, const ManifestVerdict *verdict, const char *envelope)
{
        const Manifest *manifest = verdict->manifest;

        return query_run(database, "INSERT OR REPLACE INTO manifest VALUES (?, ?, ?, ?, ?, ?)", "tiibit",
                         manifest->device, manifest->epoch, manifest->version,
                         BYTES_OF(verdict->digest.bytes), manifest->expires_at_ms, envelope);
}

int manifest_store_next(Database *database, const Root *root, const char *device, ManifestNext *ret_next)
{
        ManifestFloor last;

        int r = manifest_store_last(database, device, &last, NULL);
        if (r < 0)
                return r;

        if (last.epoch != root->epoch)
                last = (ManifestFloor){ .epoch = root->epoch };
        if (last.version >= MANIFEST_TOMBSTONE - 1)
                return DEVBOX_ERROR_PEER_REVOKED;

        *ret_next =
                (ManifestNext){ .epoch = last.epoch, .version = last.version + 1, .previous = last.digest };
        return 0;
}
