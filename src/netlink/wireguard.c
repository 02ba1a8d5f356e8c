/* SPDX-License-Identifier: MIT */
/* A WireGuard device as the kernel models it. */

#include "netlink/wireguard.h"

#include <sodium.h>

static void peer_done(WireguardPeer *peer)
{
        free(peer->allowed_ips);
        sodium_memzero(peer, sizeof *peer);
}

void wireguard_device_done(WireguardDevice *device)
{
        for (size_t i = 0; i < device->n_peers; i++)
                peer_done(&device->peers[i]);
        free(device->peers);
        sodium_memzero(device, sizeof *device);
}

/* Not realloc(): it would free a copy of the preshared keys without wiping it. */
static int grow_peers(WireguardDevice *device)
{
        size_t room = MAX(device->room_peers * 2, (size_t) 4);

        WireguardPeer *peers = calloc(room, sizeof *peers);
        if (!peers)
                return -ENOMEM;

        if (device->n_peers > 0) {
                memcpy(peers, device->peers, device->n_peers * sizeof *peers);
                sodium_memzero(device->peers, device->n_peers * sizeof *peers);
        }
        free(device->peers);
        device->peers = peers;
        device->room_peers = room;
        return 0;
}

int wireguard_device_add_peer(WireguardDevice *device, const WireguardKey *public_key,
                              WireguardPeer **ret_peer)
{
        if (device->n_peers >= WIREGUARD_PEERS_MAX)
                return -E2BIG;

        if (device->n_peers == device->room_peers) {
                int r = grow_peers(device);
                if (r < 0)
                        return r;
        }

        WireguardPeer *peer = &device->peers[device->n_peers++];
        *peer = (WireguardPeer){ .public_key = *public_key };
        *ret_peer = peer;
        return 0;
}

/* The room is the next power of two, so it needs no field of its own. */
int wireguard_peer_add_allowed_ip(WireguardPeer *peer, const IpPrefix *prefix)
{
        size_t n = peer->n_allowed_ips;

        if (n >= WIREGUARD_ALLOWED_IPS_MAX)
                return -E2BIG;

        if ((n & (n - 1)) == 0) {
                IpPrefix *grown = realloc(peer->allowed_ips, MAX(n * 2, (size_t) 1) * sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                peer->allowed_ips = grown;
        }

        peer->allowed_ips[peer->n_allowed_ips++] = *prefix;
        return 0;
}

static int compare_keys(const WireguardKey *a, const WireguardKey *b)
{
        return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* A peer begins with its key, and so does the argument of wireguard_device_find_peer(). */
static int compare_peers(const void *a, const void *b)
{
        return compare_keys(a, b);
}

static int compare_prefixes(const void *a, const void *b)
{
        return ip_prefix_compare(a, b);
}

static bool key_is_zero(const WireguardKey *key)
{
        return sodium_is_zero(key->bytes, sizeof key->bytes) == 1;
}

static void normalise_key(WireguardDevice *device)
{
        uint8_t *bytes = device->private_key.bytes;

        device->public_key = (WireguardKey){ 0 };
        if (!(device->flags & WIREGUARD_DEVICE_HAS_PRIVATE_KEY) || key_is_zero(&device->private_key))
                return;

        bytes[0] &= 0xf8; /* RFC 7748, section 5: decodeScalar25519 */
        bytes[31] = (bytes[31] & 0x7f) | 0x40;
        (void) crypto_scalarmult_base(device->public_key.bytes, bytes);
}

static void sort_allowed_ips(WireguardPeer *peer)
{
        for (size_t i = 0; i < peer->n_allowed_ips; i++)
                ip_prefix_mask(&peer->allowed_ips[i]);
        if (peer->n_allowed_ips > 1)
                qsort(peer->allowed_ips, peer->n_allowed_ips, sizeof *peer->allowed_ips, compare_prefixes);
}

/* Allowed IPs are a routing table of the device: each prefix leads to one peer. */
static int check_allowed_ips(const WireguardDevice *device)
{
        size_t n = 0, total = 0;

        for (size_t i = 0; i < device->n_peers; i++)
                total += device->peers[i].n_allowed_ips;
        if (total < 2)
                return 0;

        _cleanup_(freep) IpPrefix *all = calloc(total, sizeof *all);
        if (!all)
                return -ENOMEM;

        for (size_t i = 0; i < device->n_peers; i++) {
                const WireguardPeer *peer = &device->peers[i];

                if (peer->n_allowed_ips > 0)
                        memcpy(all + n, peer->allowed_ips, peer->n_allowed_ips * sizeof *all);
                n += peer->n_allowed_ips;
        }

        qsort(all, total, sizeof *all, compare_prefixes);
        for (size_t i = 1; i < total; i++)
                if (ip_prefix_compare(&all[i - 1], &all[i]) == 0)
                        return -ENOTUNIQ;
        return 0;
}

int wireguard_device_normalise(WireguardDevice *device)
{
        normalise_key(device);
        for (size_t i = 0; i < device->n_peers; i++)
                sort_allowed_ips(&device->peers[i]);
        if (device->n_peers > 1)
                qsort(device->peers, device->n_peers, sizeof *device->peers, compare_peers);

        for (size_t i = 1; i < device->n_peers; i++)
                if (compare_peers(&device->peers[i - 1], &device->peers[i]) == 0)
                        return -ENOTUNIQ;
        if (wireguard_device_find_peer(device, &device->public_key) && !key_is_zero(&device->public_key))
                return -ELOOP;

        return check_allowed_ips(device);
}

const WireguardPeer *wireguard_device_find_peer(const WireguardDevice *device,
                                                const WireguardKey *public_key)
{
        if (device->n_peers == 0)
                return NULL;
        return bsearch(public_key, device->peers, device->n_peers, sizeof *device->peers, compare_peers);
}
