/* SPDX-License-Identifier: MIT */
#pragma once

/* The devices of the network, as rows and in memory. On a device the only one is the hub. */

#include "audit/entry.h"
#include "mesh/node.h"
#include "mesh/presence.h"

typedef enum PeerState {
        PEER_STATE_JOINING, /* admitted, no handshake yet */
        PEER_STATE_ACTIVE,
        PEER_STATE_REVOKED,
        _PEER_STATE_MAX,
        _PEER_STATE_INVALID = -EINVAL,
} PeerState;

const char *peer_state_to_string(PeerState state);

typedef struct Peer {
        char name[DEVICE_NAME_SIZE];
        PeerState state;
        IpPrefix address;
        uint16_t keepalive_sec;
        WireguardKey key; /* the current one; zeros: none */
        PublicKey device_key;
        ChainId chain;
        char description[128];
        int64_t since_ms;
        int64_t manifest_epoch, manifest_version, manifest_expires_at_ms; /* 0: none */
        WireguardEndpoint endpoint; /* the stored one; that of the sighting is newer */

        /* Marks of what was announced, so that it is announced once: that it is stale; the end of its
         * manifest. */
        bool stale;
        int64_t warned_of_ms;

        Sighting sighting; /* not stored */
} Peer;

/* Sorted by name. */
typedef struct PeerTable {
        Peer *peers;
        size_t n_peers;
} PeerTable;

#define PEER_TABLE_NULL ((PeerTable){ 0 })

void peer_table_done(PeerTable *table);

/* Reads all devices, revoked ones too. What was seen of a key that is in both moves to the new table.
 * Unchanged on failure. Errors: those of a database; -EBADMSG; -ENOMEM. */
int peer_table_load(Database *database, PeerTable *table);

/* NULL: none. */
Peer *peer_table_find(const PeerTable *table, const char *name);

/* The name of the device with this current key; empty: none. */
const char *peer_table_name_of(const PeerTable *table, const WireguardKey *key);

/* ---- rows, inside the caller's transaction */

/* Adds the device, or gives one that was here before its new key and state; its key row holds the box of the
 * preshared key. Errors: -EEXIST the key was used before, by whomever, or the address is another's. */
int peer_store(const Store *store, const Peer *peer, const WireguardKey *preshared_key);

int peer_store_state(Database *database, const char *name, PeerState state, int64_t now_ms);

/* Takes the presence into the mark: it is stale until it is online again. Returns whether that changed the
 * mark, which is to be stored. */
bool peer_mark_stale(Peer *peer);
int peer_store_marks(Database *database, const Peer *peer);

/* Stores the endpoint of the sighting. */
int peer_store_endpoint(Database *database, const Peer *peer);

/* Revokes the key, which stays as a tombstone, and its device if the key is its current one. A key that is
 * not there is no error. */
int peer_store_tombstone(Database *database, const WireguardKey *key, int64_t now_ms);
