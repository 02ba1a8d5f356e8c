/* SPDX-License-Identifier: MIT */
#pragma once

/* A WireGuard device as the kernel models it: a device has peers, a peer has allowed IPs. The same structs
 * hold what is running, what is wanted, and the changes between the two.
 *
 * "Unset" differs from "zero": a flag HAS_x marks a field that is set. What was read has
 * all flags; in a wanted device an unset field is left as it is; in changes it is not touched. */

#include "basic/ip-prefix.h"
#include "basic/time.h"
#include "netlink/wireguard-endpoint.h"

#define WIREGUARD_KEY_SIZE        32
#define WIREGUARD_PEERS_MAX       65536 /* of one device: a /16 */
#define WIREGUARD_ALLOWED_IPS_MAX 65536 /* of one peer */

typedef struct WireguardKey {
        uint8_t bytes[WIREGUARD_KEY_SIZE];
} WireguardKey;

typedef enum WireguardPeerFlags {
        WIREGUARD_PEER_HAS_PRESHARED_KEY = 1 << 0,
        WIREGUARD_PEER_HAS_KEEPALIVE = 1 << 1,
        /* In changes only: */
        WIREGUARD_PEER_REMOVE = 1 << 2,
        WIREGUARD_PEER_UPDATE_ONLY = 1 << 3,         /* no effect without such a peer */
        WIREGUARD_PEER_REPLACE_ALLOWED_IPS = 1 << 4, /* else they are added */
} WireguardPeerFlags;

typedef struct WireguardPeer {
        WireguardKey public_key;
        WireguardKey preshared_key; /* zeros: none */
        uint32_t flags;
        uint16_t keepalive_seconds; /* 0: off */
        WireguardEndpoint endpoint;

        IpPrefix *allowed_ips;
        size_t n_allowed_ips;

        usec_t last_handshake_at_usec; /* CLOCK_REALTIME; 0: never */
        uint64_t rx_bytes, tx_bytes;
} WireguardPeer;

typedef enum WireguardDeviceFlags {
        WIREGUARD_DEVICE_HAS_PRIVATE_KEY = 1 << 0, /* its public key is then set, too */
        WIREGUARD_DEVICE_HAS_LISTEN_PORT = 1 << 1,
        WIREGUARD_DEVICE_HAS_FWMARK = 1 << 2,
} WireguardDeviceFlags;

typedef struct WireguardDevice {
        uint32_t flags;
        WireguardKey private_key; /* zeros: none */
        WireguardKey public_key;
        uint16_t listen_port;
        uint32_t fwmark;

        WireguardPeer *peers;
        size_t n_peers, room_peers;
} WireguardDevice;

#define WIREGUARD_DEVICE_NULL ((WireguardDevice){ 0 })

/* Frees what it holds and wipes the keys, also those of the struct itself. */
void wireguard_device_done(WireguardDevice *device);

/* Appends a peer with that key and nothing else; pointers to earlier peers become invalid.
 * Errors: -E2BIG, -ENOMEM. */
int wireguard_device_add_peer(WireguardDevice *device, const WireguardKey *public_key,
                              WireguardPeer **ret_peer);

/* Errors: -E2BIG, -ENOMEM. */
int wireguard_peer_add_allowed_ip(WireguardPeer *peer, const IpPrefix *prefix);

/* Brings a device into the one form in which two of them can be compared: peers sorted by key, allowed IPs
 * masked and sorted, the private key clamped and its public key computed, as the kernel does all of it.
 * Errors, of what could never become the state of a kernel: -ENOTUNIQ two peers have the same key or claim
 * the same allowed IP; -ELOOP a peer has the key of the device, which the kernel ignores silently;
 * -ENOMEM. */
int wireguard_device_normalise(WireguardDevice *device);

/* NULL if there is none. The device must be normalised. */
const WireguardPeer *wireguard_device_find_peer(const WireguardDevice *device,
                                                const WireguardKey *public_key);

/* What turns `running` into `wanted`, both normalised, with the least disturbance: a peer that matches is
 * not mentioned; an endpoint is set for a new peer only, for roaming is not drift; allowed IPs are replaced
 * only where one must go. The flags classify each change: REMOVE an unwanted
 * peer, UPDATE_ONLY differing fields of an existing peer, neither of them a missing peer. Errors: -ENOMEM.
 */
int wireguard_device_diff(const WireguardDevice *wanted, const WireguardDevice *running,
                          WireguardDevice *ret_changes);

/* Whether applying these changes would change nothing. */
static inline bool wireguard_changes_empty(const WireguardDevice *changes)
{
        return changes->flags == 0 && changes->n_peers == 0;
}

/* How far changes have been written. Zeros at the beginning. */
typedef struct WireguardCursor {
        bool begun;        /* the fields of the device are written */
        size_t peer;       /* the next one */
        bool peer_begun;   /* its fields are written, allowed IPs follow */
        size_t allowed_ip; /* its next one */
} WireguardCursor;

/* Whether all is written. */
static inline bool wireguard_cursor_at_end(const WireguardCursor *cursor, const WireguardDevice *changes)
{
        return cursor->begun && cursor->peer == changes->n_peers;
}
