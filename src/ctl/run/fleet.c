/* SPDX-License-Identifier: MIT */
/* devboxctl fleet: the devices of this hub at a glance. */

#include <inttypes.h>
#include <stdio.h>

#include "ctl/listing.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/run/devices-client.h"
#include "ctl/verbs.h"

static bool is_witnessed(const FleetDevice *device)
{
        return !device->quarantine && device->witnessed_entries >= device->audit_entries;
}

/* ---- for a program */

static void add_document(Json *json, const void *item)
{
        const FleetDevice *device = item;
        const MeshPeer *peer = &device->peer;

        json_open_object(json, NULL);
        peer_add_presence(json, peer);
        peer_add_manifest(json, peer);
        json_add_u64(json, "approving", device->approving);
        json_add_u64(json, "queued", device->queued);
        json_add_u64(json, "running", device->running);
        json_add_u64(json, "audit_entries", device->audit_entries);
        json_add_u64(json, "witnessed_entries", device->witnessed_entries);
        if (device->quarantine)
                json_add_string(json, "quarantine", device->quarantine);
        if (device->manifest_problem)
                json_add_string(json, "manifest_problem", device->manifest_problem);
        json_close_object(json);
}

/* ---- for a person */

#define CELL_MAX 80 /* at least FIGURE_MAX */

/* "1 approving, 2 running"; "-". Returns `buffer`. */
static const char *format_open(char buffer[static CELL_MAX], const FleetDevice *device)
{
        const struct {
                const char *state;
                uint64_t n;
        } counts[] = { { "approving", device->approving },
                       { "queued", device->queued },
                       { "running", device->running } };
        size_t length = 0;

        (void) snprintf(buffer, CELL_MAX, "-");
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                if (counts[i].n > 0 && length < CELL_MAX)
                        length += (size_t) snprintf(buffer + length, CELL_MAX - length, "%s%" PRIu64 " %s",
                                                    length > 0 ? ", " : "", counts[i].n, counts[i].state);
        return buffer;
}

/* "12 entries", "12 entries, 3 not witnessed", "QUARANTINE: witness_fork". Returns `buffer`. */
static const char *format_audit(char buffer[static CELL_MAX], const FleetDevice *device)
{
        if (device->quarantine)
                (void) snprintf(buffer, CELL_MAX, "QUARANTINE: %.32s", device->quarantine);
        else if (is_witnessed(device))
                (void) snprintf(buffer, CELL_MAX, "%" PRIu64 " entries", device->audit_entries);
        else
                (void) snprintf(buffer, CELL_MAX, "%" PRIu64 " entries, %" PRIu64 " not witnessed",
                                device->audit_entries, device->audit_entries - device->witnessed_entries);
        return buffer;
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const FleetDevice *device = item;
        const MeshPeer *peer = &device->peer;
        uint64_t now_ms = ctl->now_ms;
        char text[CELL_MAX];

        table_add(table, STYLE_HEAD, "%s", peer->name);
        table_add(table, peer_style(peer), "%s", peer_state(peer));
        table_add(table, STYLE_PLAIN, "%s", format_ago(text, peer->last_handshake_ms, now_ms));
        if (device->manifest_problem)
                table_add(table, STYLE_BAD, "v%" PRIu64 ", REJECTED", peer->manifest_version);
        else
                table_add(table, manifest_style(peer, now_ms), "%s", format_manifest(text, peer, now_ms));
        table_add(table, device->approving > 0 ? STYLE_HEAD : STYLE_PLAIN, "%s", format_open(text, device));
        table_add(table, is_witnessed(device) ? STYLE_PLAIN : STYLE_BAD, "%s", format_audit(text, device));
}

static const char *const titles[] = { "DEVICE", "STATE", "HANDSHAKE", "MANIFEST", "REQUESTS", "AUDIT" };

static const Listing listing = {
        .name = "devices",
        .empty = "no devices; on the hub of a network, add one with: devboxctl invite NAME",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(FleetDevice),
        .add_document = add_document,
        .add_row = add_row,
};

/* Below the table, which has no room for sentences. */
static int print_problems(const FleetDevice *devices, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                if (devices[i].manifest_problem)
                        r = print_line(stdout, "%s", devices[i].manifest_problem);
        return r;
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_query(ctl->bus, &dispatch_list_devices, &rows, &ctl->problem);
        if (r == 0)
                r = listing_print(ctl, &listing, rows.items, rows.n);

        return r != 0 || ctl->json ? r : print_problems(rows.items, rows.n);
}

const Verb verb_fleet = {
        .name = "fleet",
        .help = "show the devices: manifest, open requests, audit chain",
        .remote = true,
        .bus = true,
        .run = run,
};
