/* SPDX-License-Identifier: MIT */
/* devboxctl peers: the devices of the network, or on a device the hub. */

#include "ctl/listing.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

typedef struct PeersOptions {
        bool all;
} PeersOptions;

static void add_document(Json *json, const void *item)
{
        peer_add_json(json, item);
}

static void add_row(const Ctl *ctl, Table *table, const void *item)
{
        const MeshPeer *peer = item;
        uint64_t now_ms = ctl->now_ms;
        char text[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "%s", peer->name);
        table_add(table, STYLE_PLAIN, "%s", strempty(peer->address));
        table_add(table, peer_style(peer), "%s", peer_state(peer));
        table_add(table, STYLE_PLAIN, "%s", format_ago(text, peer->last_handshake_ms, now_ms));
        table_add(table, STYLE_PLAIN, "%s", format_bytes(text, peer->rx_bytes));
        table_add(table, STYLE_PLAIN, "%s", format_bytes(text, peer->tx_bytes));
        table_add(table, manifest_style(peer, now_ms), "%s", format_manifest(text, peer, now_ms));
}

static const char *const titles[] = { "NAME", "ADDRESS", "STATE", "HANDSHAKE", "RX", "TX", "MANIFEST" };

static const Listing listing = {
        .name = "peers",
        .empty = "no devices; on the hub of a network, add one with: devboxctl invite NAME",
        .titles = titles,
        .n_columns = ELEMENTSOF(titles),
        .item_size = sizeof(MeshPeer),
        .add_document = add_document,
        .add_row = add_row,
};

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = mesh_client_list_peers(ctl->bus, ((const PeersOptions *) options)->all, &rows,
                                       &ctl->problem);

        return r != 0 ? r : listing_print(ctl, &listing, rows.items, rows.n);
}

static const Option options[] = {
        { "all", &option_switch, offsetof(PeersOptions, all), "also those that were revoked", 'a' },
        { 0 },
};

const Verb verb_peers = {
        .name = "peers",
        .help = "show the devices of the network",
        VERB_OPTIONS(PeersOptions, options),
        .remote = true,
        .bus = true,
        .run = run,
};
