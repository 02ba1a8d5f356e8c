/* SPDX-License-Identifier: MIT */
/* devboxctl peers: the devices of the network, or on a device the hub. */

#include "ctl/mesh/peer-print.h"
#include "ctl/option-types.h"
#include "ctl/verbs.h"

typedef struct PeersOptions {
        bool all;
} PeersOptions;

static int print_document(const ClientRows *rows)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        const MeshPeer *peers = rows->items;

        json_open_object(&json, NULL);
        json_open_array(&json, "peers");
        for (size_t i = 0; i < rows->n; i++)
                peer_add_json(&json, &peers[i]);
        json_close_array(&json);
        json_close_object(&json);
        return print_json(&json);
}

static void add_row(Table *table, const MeshPeer *peer, uint64_t now_ms)
{
        char text[FIGURE_MAX];

        table_add(table, STYLE_HEAD, "%s", peer->name);
        table_add(table, STYLE_PLAIN, "%s", strempty(peer->address));
        table_add(table, peer_style(peer), "%s", peer_state(peer));
        table_add(table, STYLE_PLAIN, "%s", format_ago(text, peer->last_handshake_ms, now_ms));
        table_add(table, STYLE_PLAIN, "%s", format_bytes(text, peer->rx_bytes));
        table_add(table, STYLE_PLAIN, "%s", format_bytes(text, peer->tx_bytes));
        table_add(table, manifest_style(peer, now_ms), "%s", format_manifest(text, peer, now_ms));
}

static int print_table(const Ctl *ctl, const ClientRows *rows)
{
        static const char *const titles[] = {
                "NAME", "ADDRESS", "STATE", "HANDSHAKE", "RX", "TX", "MANIFEST"
        };
        _cleanup_(table_done) Table table = { .n_columns = ELEMENTSOF(titles) };
        const MeshPeer *peers = rows->items;

        if (rows->n == 0)
                return print_line(stdout, "no devices; add one with: devboxctl invite NAME");

        for (size_t i = 0; i < ELEMENTSOF(titles); i++)
                table_add(&table, STYLE_FAINT, "%s", titles[i]);
        for (size_t i = 0; i < rows->n; i++)
                add_row(&table, &peers[i], ctl->now_ms);
        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(client_rows_done) ClientRows rows = { 0 };

        int r = client_open(ctl->host, &bus, &ctl->problem);
        if (r == 0)
                r = mesh_client_list_peers(bus, ((const PeersOptions *) options)->all, &rows, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_document(&rows) : print_table(ctl, &rows);
}

static const Option options[] = {
        { "all", &option_switch, offsetof(PeersOptions, all), "also those that were revoked", 'a' },
        { 0 },
};

const Verb verb_peers = {
        .name = "peers",
        .help = "show the devices of the network",
        .example = "peers",
        .options = options,
        .options_size = sizeof(PeersOptions),
        .remote = true,
        .run = run,
};
