/* SPDX-License-Identifier: MIT */
/* The devices of the network. */

#include "mesh/peers.h"

#include <stdio.h>

static const char *const state_names[_PEER_STATE_MAX] = {
        [PEER_STATE_JOINING] = "joining",
        [PEER_STATE_ACTIVE] = "active",
        [PEER_STATE_REVOKED] = "revoked",
};

const char *peer_state_to_string(PeerState state)
{
        return state_names[state];
}

static PeerState state_from_string(const char *name)
{
        for (PeerState state = 0; state < _PEER_STATE_MAX; state++)
                if (streq(name, state_names[state]))
                        return state;
        return _PEER_STATE_INVALID;
}

/* ---- reading */

static int read_peer(const Statement *row, Peer *peer)
{
        *peer = (Peer){ .keepalive_sec = (uint16_t) statement_integer(row, 3),
                        .since_ms = statement_integer(row, 7),
                        .manifest_epoch = statement_integer(row, 9),
                        .manifest_version = statement_integer(row, 10),
                        .manifest_expires_at_ms = statement_integer(row, 11),
                        .stale = statement_integer(row, 12) != 0,
                        .warned_of_ms = statement_integer(row, 13) };
        (void) snprintf(peer->name, sizeof peer->name, "%s", statement_text(row, 0));
        (void) snprintf(peer->description, sizeof peer->description, "%s", statement_text(row, 6));
        peer->state = state_from_string(statement_text(row, 1));
        if (peer->state < 0 || ip_prefix_parse(statement_text(row, 2), &peer->address) < 0 ||
            wireguard_endpoint_parse(statement_text(row, 14), &peer->endpoint) < 0)
                return -EBADMSG;

        int r = statement_copy_bytes(row, 4, peer->device_key.bytes, sizeof peer->device_key.bytes);
        if (r >= 0)
                r = statement_copy_bytes(row, 5, peer->chain.bytes, sizeof peer->chain.bytes);
        if (r >= 0 && statement_bytes(row, 8).size > 0)
                r = statement_copy_bytes(row, 8, peer->key.bytes, sizeof peer->key.bytes);
        return r;
}

static int read_rows(Statement *row, PeerTable *table)
{
        size_t room = 0;
        int r;

        while ((r = statement_step(row)) > 0) {
                if (table->n_peers == room) {
                        room = MAX(2 * room, (size_t) 16);
                        Peer *grown = reallocarray(table->peers, room, sizeof *grown);
                        if (!grown)
                                return -ENOMEM;
                        table->peers = grown;
                }
                r = read_peer(row, &table->peers[table->n_peers]);
                if (r < 0)
                        return r;
                table->n_peers++;
        }
        return r;
}

/* The same peer, or one that joins anew: of that, handshakes before it left prove nothing. */
static bool is_same(const Peer *before, const Peer *peer)
{
        bool anew = peer->state == PEER_STATE_JOINING && before->state != PEER_STATE_JOINING;

        return !anew && memcmp(&before->key, &peer->key, sizeof before->key) == 0;
}

static void move_sightings(const PeerTable *from, PeerTable *to)
{
        for (size_t i = 0; i < to->n_peers; i++) {
                const Peer *before = peer_table_find(from, to->peers[i].name);

                if (before && is_same(before, &to->peers[i]))
                        to->peers[i].sighting = before->sighting;
        }
}

void peer_table_done(PeerTable *table)
{
        free(table->peers);
        *table = PEER_TABLE_NULL;
}

int peer_table_load(Database *database, PeerTable *table)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        _cleanup_(peer_table_done) PeerTable loaded = PEER_TABLE_NULL;

        int r = query(database, &row,
                      "SELECT d.name, d.state, d.address, d.keepalive_sec, d.device_key, d.chain_id,"
                      " d.description, d.since_ms, k.public_key, m.epoch, m.version, m.expires_at_ms,"
                      " d.stale, d.warned_of_ms, d.endpoint"
                      " FROM device d"
                      " LEFT JOIN wireguard_key k ON k.device = d.name AND k.use = 'current'"
                      " LEFT JOIN manifest m ON m.device = d.name AND (m.epoch, m.version) ="
                      "  (SELECT epoch, version FROM manifest WHERE device = d.name"
                      "   ORDER BY epoch DESC, version DESC LIMIT 1)"
                      " ORDER BY d.name",
                      "");
        if (r < 0)
                return r;
        r = read_rows(row, &loaded);
        if (r < 0)
                return r;

        move_sightings(table, &loaded);
        PeerTable before = *table;
        *table = TAKE(loaded, PEER_TABLE_NULL);
        peer_table_done(&before);
        return 0;
}

static int compare_name(const void *name, const void *peer)
{
        return strcmp(name, ((const Peer *) peer)->name);
}

Peer *peer_table_find(const PeerTable *table, const char *name)
{
        return table->n_peers == 0
                       ? NULL
                       : bsearch(name, table->peers, table->n_peers, sizeof *table->peers, compare_name);
}

const char *peer_table_name_of(const PeerTable *table, const WireguardKey *key)
{
        for (size_t i = 0; i < table->n_peers; i++)
                if (memcmp(&table->peers[i].key, key, sizeof *key) == 0)
                        return table->peers[i].name;
        return "";
}

/* ---- writing */

int peer_store(const Store *store, const Peer *peer, const WireguardKey *preshared_key)
{
        char address[IP_PREFIX_TEXT_SIZE];
        uint8_t box[STORE_BOX_SIZE];

        int r = query_run(store->database,
                          "INSERT INTO device (name, state, address, keepalive_sec, device_key, chain_id,"
                          " description, since_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                          " ON CONFLICT (name) DO UPDATE"
                          " SET state = excluded.state, address = excluded.address,"
                          " keepalive_sec = excluded.keepalive_sec, device_key = excluded.device_key,"
                          " chain_id = excluded.chain_id, description = excluded.description,"
                          " since_ms = excluded.since_ms, stale = 0, endpoint = ''",
                          "tttibbti", peer->name, peer_state_to_string(peer->state),
                          ip_prefix_format_address(&peer->address, address), (int64_t) peer->keepalive_sec,
                          BYTES_OF(peer->device_key.bytes), BYTES_OF(peer->chain.bytes), peer->description,
                          peer->since_ms);
        if (r < 0)
                return r;
        r = query_run(store->database,
                      "UPDATE wireguard_key SET use = 'revoked', since_ms = ?"
                      " WHERE device = ? AND use != 'revoked'",
                      "it", peer->since_ms, peer->name);
        if (r < 0)
                return r;

        store_box_seal(store, preshared_key->bytes, box);
        return query_run(store->database, "INSERT INTO wireguard_key VALUES (?, ?, 'current', ?, ?)", "btbi",
                         BYTES_OF(peer->key.bytes), peer->name, BYTES_OF(box), peer->since_ms);
}

int peer_store_state(Database *database, const char *name, PeerState state, int64_t now_ms)
{
        return query_run(database, "UPDATE device SET state = ?, since_ms = ? WHERE name = ?", "tit",
                         peer_state_to_string(state), now_ms, name);
}

bool peer_mark_stale(Peer *peer)
{
        bool before = peer->stale;

        if (peer->sighting.presence == PRESENCE_STALE)
                peer->stale = true;
        else if (peer->sighting.presence == PRESENCE_ONLINE)
                peer->stale = false;
        return peer->stale != before;
}

int peer_store_marks(Database *database, const Peer *peer)
{
        return query_run(database, "UPDATE device SET stale = ?, warned_of_ms = ? WHERE name = ?", "iit",
                         (int64_t) peer->stale, peer->warned_of_ms, peer->name);
}

int peer_store_endpoint(Database *database, const Peer *peer)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        wireguard_endpoint_append(&peer->sighting.endpoint, &text);
        if (text.error < 0)
                return text.error;
        return query_run(database, "UPDATE device SET endpoint = ? WHERE name = ?", "tt",
                         strempty(text.data), peer->name);
}

int peer_store_tombstone(Database *database, const WireguardKey *key, int64_t now_ms)
{
        int r = query_run(database,
                          "UPDATE device SET state = 'revoked', since_ms = ? WHERE state != 'revoked' AND"
                          " name = (SELECT device FROM wireguard_key WHERE public_key = ?"
                          " AND use = 'current')",
                          "ib", now_ms, BYTES_OF(key->bytes));
        if (r < 0)
                return r;

        return query_run(database,
                         "UPDATE wireguard_key SET use = 'revoked', since_ms = ?"
                         " WHERE public_key = ? AND use != 'revoked'",
                         "ib", now_ms, BYTES_OF(key->bytes));
}
