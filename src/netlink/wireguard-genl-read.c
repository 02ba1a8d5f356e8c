/* SPDX-License-Identifier: MIT */
/* Replies of the generic netlink family "wireguard".
 *
 * Lengths are checked by the policies below, each of which is a type of the kernel's own policy. Integers of
 * 64 bits lie at multiples of four: they are copied out. */

#include "netlink/wireguard-genl.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#define EXACTLY(size)                                                                                       \
        {                                                                                                   \
                .type = NLA_UNSPEC, .minlen = (size), .maxlen = (size)                                      \
        }
#define NESTED                                                                                              \
        {                                                                                                   \
                .type = NLA_NESTED                                                                          \
        }
#define TIMESPEC_SIZE (2 * sizeof(int64_t))
#define GENL_HEADER   ((int) NLMSG_ALIGN(sizeof(struct genlmsghdr)))

static const struct nla_policy family_policy[CTRL_ATTR_MAX + 1] = {
        [CTRL_ATTR_FAMILY_ID] = EXACTLY(sizeof(uint16_t)),
};

static const struct nla_policy device_policy[WGDEVICE_A_MAX + 1] = {
        [WGDEVICE_A_PRIVATE_KEY] = EXACTLY(WG_KEY_LEN),
        [WGDEVICE_A_LISTEN_PORT] = EXACTLY(sizeof(uint16_t)),
        [WGDEVICE_A_FWMARK] = EXACTLY(sizeof(uint32_t)),
        [WGDEVICE_A_PEERS] = NESTED,
};

static const struct nla_policy peer_policy[WGPEER_A_MAX + 1] = {
        [WGPEER_A_PUBLIC_KEY] = EXACTLY(WG_KEY_LEN),
        [WGPEER_A_PRESHARED_KEY] = EXACTLY(WG_KEY_LEN),
        [WGPEER_A_ENDPOINT] = { .type = NLA_UNSPEC, .minlen = sizeof(struct sockaddr) },
        [WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = EXACTLY(sizeof(uint16_t)),
        [WGPEER_A_LAST_HANDSHAKE_TIME] = EXACTLY(TIMESPEC_SIZE),
        [WGPEER_A_RX_BYTES] = EXACTLY(sizeof(uint64_t)),
        [WGPEER_A_TX_BYTES] = EXACTLY(sizeof(uint64_t)),
        [WGPEER_A_ALLOWEDIPS] = NESTED,
};

static const struct nla_policy allowed_ip_policy[WGALLOWEDIP_A_MAX + 1] = {
        [WGALLOWEDIP_A_FAMILY] = EXACTLY(sizeof(uint16_t)),
        [WGALLOWEDIP_A_IPADDR] = { .type = NLA_UNSPEC, .minlen = sizeof(struct in_addr) },
        [WGALLOWEDIP_A_CIDR_MASK] = EXACTLY(sizeof(uint8_t)),
};

static int parse_message(const struct nlmsghdr *header, struct nlattr **tb, int max,
                         const struct nla_policy *policy)
{
        if (header->nlmsg_len < NLMSG_LENGTH(GENL_HEADER))
                return -EBADMSG;
        return nlmsg_parse((struct nlmsghdr *) header, GENL_HEADER, tb, max, policy) < 0 ? -EBADMSG : 0;
}

int wireguard_genl_read_family(const struct nlmsghdr *header, uint16_t *ret_family)
{
        struct nlattr *tb[CTRL_ATTR_MAX + 1];

        int r = parse_message(header, tb, CTRL_ATTR_MAX, family_policy);
        if (r < 0)
                return r;
        if (!tb[CTRL_ATTR_FAMILY_ID])
                return -EBADMSG;

        *ret_family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
        return 0;
}

static int read_allowed_ip(struct nlattr *attribute, WireguardPeer *peer)
{
        struct nlattr *tb[WGALLOWEDIP_A_MAX + 1];
        IpPrefix prefix;

        if (nla_parse_nested(tb, WGALLOWEDIP_A_MAX, attribute, allowed_ip_policy) < 0)
                return -EBADMSG;
        if (!tb[WGALLOWEDIP_A_FAMILY] || !tb[WGALLOWEDIP_A_IPADDR] || !tb[WGALLOWEDIP_A_CIDR_MASK])
                return -EBADMSG;

        uint16_t family = nla_get_u16(tb[WGALLOWEDIP_A_FAMILY]);
        if ((size_t) nla_len(tb[WGALLOWEDIP_A_IPADDR]) != ip_address_size(family) ||
            ip_prefix_init(&prefix, family, nla_data(tb[WGALLOWEDIP_A_IPADDR]),
                           nla_get_u8(tb[WGALLOWEDIP_A_CIDR_MASK])) < 0)
                return -EBADMSG;

        return wireguard_peer_add_allowed_ip(peer, &prefix);
}

static int read_allowed_ips(struct nlattr *nest, WireguardPeer *peer)
{
        struct nlattr *attribute;
        int left, r;

        nla_for_each_nested(attribute, nest, left)
        {
                r = read_allowed_ip(attribute, peer);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What is neither kind of address is an endpoint that is not known, and so is one with a zone. */
static void read_endpoint(const struct nlattr *attribute, WireguardEndpoint *ret_endpoint)
{
        WireguardEndpoint endpoint = { 0 };
        size_t size = (size_t) nla_len(attribute);

        memcpy(&endpoint, nla_data(attribute), MIN(size, sizeof endpoint));
        if ((endpoint.any.sa_family == AF_INET && size == sizeof endpoint.v4) ||
            (endpoint.any.sa_family == AF_INET6 && size == sizeof endpoint.v6 &&
             endpoint.v6.sin6_scope_id == 0))
                *ret_endpoint = endpoint;
}

static usec_t read_timespec(const struct nlattr *attribute)
{
        int64_t parts[2]; /* seconds, nanoseconds */

        memcpy(parts, nla_data(attribute), sizeof parts);
        if (parts[0] < 0 || parts[0] > INT64_MAX / (int64_t) USEC_PER_SEC || parts[1] < 0)
                return 0;
        return (usec_t) parts[0] * USEC_PER_SEC + (usec_t) parts[1] / 1000;
}

static void read_peer_fields(struct nlattr **tb, WireguardPeer *peer)
{
        if (tb[WGPEER_A_PRESHARED_KEY])
                memcpy(peer->preshared_key.bytes, nla_data(tb[WGPEER_A_PRESHARED_KEY]), WG_KEY_LEN);
        if (tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
                peer->keepalive_seconds = nla_get_u16(tb[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
        if (tb[WGPEER_A_ENDPOINT])
                read_endpoint(tb[WGPEER_A_ENDPOINT], &peer->endpoint);
        if (tb[WGPEER_A_LAST_HANDSHAKE_TIME])
                peer->last_handshake_at_usec = read_timespec(tb[WGPEER_A_LAST_HANDSHAKE_TIME]);
        if (tb[WGPEER_A_RX_BYTES])
                peer->rx_bytes = nla_get_u64(tb[WGPEER_A_RX_BYTES]);
        if (tb[WGPEER_A_TX_BYTES])
                peer->tx_bytes = nla_get_u64(tb[WGPEER_A_TX_BYTES]);
}

/* The peer with that key if it is the one that the message before ended with, else a new one. */
static int continue_or_add(WireguardDevice *device, const WireguardKey *key, WireguardPeer **ret_peer)
{
        WireguardPeer *last = device->n_peers > 0 ? &device->peers[device->n_peers - 1] : NULL;

        if (last && memcmp(&last->public_key, key, sizeof *key) == 0) {
                *ret_peer = last;
                return 0;
        }

        int r = wireguard_device_add_peer(device, key, ret_peer);
        if (r < 0)
                return r;

        (*ret_peer)->flags = WIREGUARD_PEER_HAS_PRESHARED_KEY | WIREGUARD_PEER_HAS_KEEPALIVE;
        return 0;
}

static int read_peer(struct nlattr *attribute, WireguardDevice *device)
{
        struct nlattr *tb[WGPEER_A_MAX + 1];
        WireguardPeer *peer;
        WireguardKey key;

        if (nla_parse_nested(tb, WGPEER_A_MAX, attribute, peer_policy) < 0 || !tb[WGPEER_A_PUBLIC_KEY])
                return -EBADMSG;
        memcpy(key.bytes, nla_data(tb[WGPEER_A_PUBLIC_KEY]), sizeof key.bytes);

        int r = continue_or_add(device, &key, &peer);
        if (r < 0)
                return r;

        read_peer_fields(tb, peer);
        return tb[WGPEER_A_ALLOWEDIPS] ? read_allowed_ips(tb[WGPEER_A_ALLOWEDIPS], peer) : 0;
}

int wireguard_genl_read_device(const struct nlmsghdr *header, WireguardDevice *device)
{
        struct nlattr *tb[WGDEVICE_A_MAX + 1], *attribute;
        int left;

        int r = parse_message(header, tb, WGDEVICE_A_MAX, device_policy);
        if (r < 0)
                return r;

        device->flags = WIREGUARD_DEVICE_HAS_PRIVATE_KEY | WIREGUARD_DEVICE_HAS_LISTEN_PORT |
                        WIREGUARD_DEVICE_HAS_FWMARK;
        if (tb[WGDEVICE_A_PRIVATE_KEY])
                memcpy(device->private_key.bytes, nla_data(tb[WGDEVICE_A_PRIVATE_KEY]), WG_KEY_LEN);
        if (tb[WGDEVICE_A_LISTEN_PORT])
                device->listen_port = nla_get_u16(tb[WGDEVICE_A_LISTEN_PORT]);
        if (tb[WGDEVICE_A_FWMARK])
                device->fwmark = nla_get_u32(tb[WGDEVICE_A_FWMARK]);
        if (!tb[WGDEVICE_A_PEERS])
                return 0;

        nla_for_each_nested(attribute, tb[WGDEVICE_A_PEERS], left)
        {
                r = read_peer(attribute, device);
                if (r < 0)
                        return r;
        }
        return 0;
}
