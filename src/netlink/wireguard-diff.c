/* SPDX-License-Identifier: MIT */
/* What turns the running device into the wanted one.
 *
 * One round is enough, in whatever order the kernel takes the peers: a peer that is mentioned claims only
 * prefixes that are wanted for it, each prefix is wanted for one peer, and so no peer ever takes a prefix
 * from one that was right before. */

#include "netlink/wireguard.h"

#include <sodium.h>

static bool keys_equal(const WireguardKey *a, const WireguardKey *b)
{
        return sodium_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool has_allowed_ip(const WireguardPeer *peer, const IpPrefix *prefix)
{
        size_t low = 0, high = peer->n_allowed_ips;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = ip_prefix_compare(&peer->allowed_ips[middle], prefix);

                if (order == 0)
                        return true;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return false;
}

/* Adds to `change` the allowed IPs of `from` that `known` has not; `known` of NULL: all of them. */
static int add_allowed_ips(WireguardPeer *change, const WireguardPeer *from, const WireguardPeer *known)
{
        for (size_t i = 0; i < from->n_allowed_ips; i++) {
                if (known && has_allowed_ip(known, &from->allowed_ips[i]))
                        continue;

                int r = wireguard_peer_add_allowed_ip(change, &from->allowed_ips[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int diff_missing_peer(const WireguardPeer *wanted, WireguardDevice *changes)
{
        WireguardPeer *change;

        int r = wireguard_device_add_peer(changes, &wanted->public_key, &change);
        if (r < 0)
                return r;

        change->flags = wanted->flags | WIREGUARD_PEER_REPLACE_ALLOWED_IPS;
        change->preshared_key = wanted->preshared_key;
        change->keepalive_seconds = wanted->keepalive_seconds;
        change->endpoint = wanted->endpoint;
        return add_allowed_ips(change, wanted, NULL);
}

static int diff_extra_peer(const WireguardPeer *running, WireguardDevice *changes)
{
        WireguardPeer *change;

        int r = wireguard_device_add_peer(changes, &running->public_key, &change);
        if (r < 0)
                return r;

        change->flags = WIREGUARD_PEER_REMOVE;
        return 0;
}

static uint32_t differing_fields(const WireguardPeer *wanted, const WireguardPeer *running)
{
        uint32_t flags = 0;

        if (wanted->flags & WIREGUARD_PEER_HAS_PRESHARED_KEY &&
            !keys_equal(&wanted->preshared_key, &running->preshared_key))
                flags |= WIREGUARD_PEER_HAS_PRESHARED_KEY;
        if (wanted->flags & WIREGUARD_PEER_HAS_KEEPALIVE &&
            wanted->keepalive_seconds != running->keepalive_seconds)
                flags |= WIREGUARD_PEER_HAS_KEEPALIVE;
        for (size_t i = 0; i < running->n_allowed_ips; i++)
                if (!has_allowed_ip(wanted, &running->allowed_ips[i]))
                        flags |= WIREGUARD_PEER_REPLACE_ALLOWED_IPS;

        return flags;
}

static int diff_peer(const WireguardPeer *wanted, const WireguardPeer *running, WireguardDevice *changes)
{
        uint32_t flags = differing_fields(wanted, running);
        WireguardPeer *change;

        /* Sorted sets of which one has nothing the other lacks are equal if they have the same size. */
        if (flags == 0 && wanted->n_allowed_ips == running->n_allowed_ips)
                return 0;

        int r = wireguard_device_add_peer(changes, &wanted->public_key, &change);
        if (r < 0)
                return r;

        change->flags = flags | WIREGUARD_PEER_UPDATE_ONLY;
        if (flags & WIREGUARD_PEER_HAS_PRESHARED_KEY)
                change->preshared_key = wanted->preshared_key;
        if (flags & WIREGUARD_PEER_HAS_KEEPALIVE)
                change->keepalive_seconds = wanted->keepalive_seconds;
        return add_allowed_ips(change, wanted, flags & WIREGUARD_PEER_REPLACE_ALLOWED_IPS ? NULL : running);
}

static int diff_peers(const WireguardDevice *wanted, const WireguardDevice *running,
                      WireguardDevice *changes)
{
        size_t i = 0, j = 0;

        while (i < wanted->n_peers || j < running->n_peers) {
                int order = i == wanted->n_peers ? 1
                            : j == running->n_peers
                                    ? -1
                                    : memcmp(&wanted->peers[i].public_key, &running->peers[j].public_key,
                                             sizeof(WireguardKey));
                int r = order < 0   ? diff_missing_peer(&wanted->peers[i], changes)
                        : order > 0 ? diff_extra_peer(&running->peers[j], changes)
                                    : diff_peer(&wanted->peers[i], &running->peers[j], changes);
                if (r < 0)
                        return r;

                i += order <= 0;
                j += order >= 0;
        }

        return 0;
}

int wireguard_device_diff(const WireguardDevice *wanted, const WireguardDevice *running,
                          WireguardDevice *ret_changes)
{
        _cleanup_(wireguard_device_done) WireguardDevice changes = WIREGUARD_DEVICE_NULL;

        if (wanted->flags & WIREGUARD_DEVICE_HAS_PRIVATE_KEY &&
            !keys_equal(&wanted->private_key, &running->private_key)) {
                changes.flags |= WIREGUARD_DEVICE_HAS_PRIVATE_KEY;
                changes.private_key = wanted->private_key;
                changes.public_key = wanted->public_key;
        }
        if (wanted->flags & WIREGUARD_DEVICE_HAS_LISTEN_PORT &&
            wanted->listen_port != running->listen_port) {
                changes.flags |= WIREGUARD_DEVICE_HAS_LISTEN_PORT;
                changes.listen_port = wanted->listen_port;
        }
        if (wanted->flags & WIREGUARD_DEVICE_HAS_FWMARK && wanted->fwmark != running->fwmark) {
                changes.flags |= WIREGUARD_DEVICE_HAS_FWMARK;
                changes.fwmark = wanted->fwmark;
        }

        int r = diff_peers(wanted, running, &changes);
        if (r < 0)
                return r;

        *ret_changes = TAKE(changes, WIREGUARD_DEVICE_NULL);
        return 0;
}
