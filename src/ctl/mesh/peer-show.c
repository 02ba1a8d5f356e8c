/* SPDX-License-Identifier: MIT */
/* devboxctl peer show: one device of the network. */

#include <inttypes.h>

#include "codec/binary-text.h"
#include "crypto/fingerprint.h"
#include "ctl/mesh/peer-print.h"
#include "ctl/verbs.h"

static int print_document(const MeshPeer *peer)
{
        _cleanup_(json_done) Json json = JSON_NULL;

        peer_add_json(&json, peer);
        return print_json(&json);
}

static void add_keys(Table *table, const MeshPeer *peer)
{
        char key[BASE64_SIZE(MESH_KEY_SIZE)], words[FINGERPRINT_SIZE], hex[HEX_SIZE(CHAIN_ID_SIZE)];

        base64_format(BYTES_OF(peer->wireguard_key), key);
        fingerprint_format(&peer->device_key, words);
        hex_format(BYTES_OF(peer->chain_id), hex);
        table_add_fact(table, "WireGuard key", STYLE_PLAIN, "%s", key);
        table_add_fact(table, "device key", STYLE_PLAIN, "%s", words);
        table_add_fact(table, "chain", STYLE_PLAIN, "%s", hex);
}

static int print_table(const Ctl *ctl, const MeshPeer *peer)
{
        _cleanup_(table_done) Table table = { .n_columns = 2 };
        char text[FIGURE_MAX], more[FIGURE_MAX];

        table_add_fact(&table, "name", STYLE_HEAD, "%s", peer->name);
        table_add_fact(&table, "address", STYLE_PLAIN, "%s", strempty(peer->address));
        table_add_fact(&table, "state", peer_style(peer), "%s", peer_state(peer));
        table_add_fact(&table, "handshake", STYLE_PLAIN, "%s",
                       format_ago(text, peer->last_handshake_ms, ctl->now_ms));
        table_add_fact(&table, "endpoint", STYLE_PLAIN, "%s",
                       *strempty(peer->endpoint) ? peer->endpoint : "-");
        table_add_fact(&table, "traffic", STYLE_PLAIN, "%s received, %s sent",
                       format_bytes(text, peer->rx_bytes), format_bytes(more, peer->tx_bytes));
        table_add_fact(&table, "keepalive", STYLE_PLAIN, "%" PRIu64 " s", peer->keepalive_sec);
        table_add_fact(&table, "manifest", STYLE_PLAIN, "%s", format_manifest(text, peer, ctl->now_ms));
        table_add_fact(&table, "since", STYLE_PLAIN, "%s", format_moment(text, peer->since_ms));
        add_keys(&table, peer);
        return table_print(&table, stdout, ctl->colour);
}

static int run(Ctl *ctl, const void *options, char **args)
{
        _cleanup_(client_rows_done) ClientRows row = { 0 };

        int r = mesh_client_get_peer(ctl->bus, args[0], &row, &ctl->problem);
        if (r != 0)
                return r;

        return ctl->json ? print_document(row.items) : print_table(ctl, row.items);
}

const Verb verb_peer_show = {
        .noun = "peer",
        .name = "show",
        .arguments = "NAME",
        .help = "show one device of the network",
        .example = "peer show home-wsl",
        .remote = true,
        .bus = true,
        .run = run,
};
