/* SPDX-License-Identifier: MIT */
/* Requests to the generic netlink family "wireguard".
 *
 * A request that sets a device is not a transaction: the kernel takes its peers in order and stops at the
 * first error. Changes that do not fit into one message go into several; what was written is in the cursor.
 */

#include "netlink/wireguard-genl.h"

#include <linux/genetlink.h>
#include <linux/wireguard.h>

static struct nl_msg *new_message(uint16_t family, uint16_t flags, uint8_t command, size_t size)
{
        const struct genlmsghdr genl = { .cmd = command, .version = WG_GENL_VERSION };
        struct nl_msg *message = netlink_message_new(family, flags, size);

        if (message && nlmsg_append(message, (void *) &genl, sizeof genl, NLMSG_ALIGNTO) < 0)
                return netlink_message_free(message);
        return message;
}

struct nl_msg *wireguard_genl_new_resolve(void)
{
        struct nl_msg *message = new_message(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 256);

        if (message && nla_put_string(message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME) < 0)
                return netlink_message_free(message);
        return message;
}

struct nl_msg *wireguard_genl_new_get(uint16_t family, const char *name)
{
        struct nl_msg *message = new_message(family, NLM_F_DUMP, WG_CMD_GET_DEVICE, 256);

        if (message && nla_put_string(message, WGDEVICE_A_IFNAME, name) < 0)
                return netlink_message_free(message);
        return message;
}

static bool put_device(struct nl_msg *message, const WireguardDevice *changes)
{
        if (changes->flags & WIREGUARD_DEVICE_HAS_PRIVATE_KEY &&
            nla_put(message, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, changes->private_key.bytes) < 0)
                return false;
        if (changes->flags & WIREGUARD_DEVICE_HAS_LISTEN_PORT &&
            nla_put_u16(message, WGDEVICE_A_LISTEN_PORT, changes->listen_port) < 0)
                return false;

        return !(changes->flags & WIREGUARD_DEVICE_HAS_FWMARK) ||
               nla_put_u32(message, WGDEVICE_A_FWMARK, changes->fwmark) >= 0;
}

static uint32_t kernel_flags(const WireguardPeer *peer)
{
        return (peer->flags & WIREGUARD_PEER_REMOVE ? WGPEER_F_REMOVE_ME : 0) |
               (peer->flags & WIREGUARD_PEER_UPDATE_ONLY ? WGPEER_F_UPDATE_ONLY : 0) |
               (peer->flags & WIREGUARD_PEER_REPLACE_ALLOWED_IPS ? WGPEER_F_REPLACE_ALLOWEDIPS : 0);
}

static bool put_endpoint(struct nl_msg *message, const WireguardEndpoint *endpoint)
{
        switch (endpoint->any.sa_family) {
        case AF_INET:
                return nla_put(message, WGPEER_A_ENDPOINT, sizeof endpoint->v4, &endpoint->v4) >= 0;
        case AF_INET6:
                return nla_put(message, WGPEER_A_ENDPOINT, sizeof endpoint->v6, &endpoint->v6) >= 0;
        default:
                return true;
        }
}

/* All of a peer but its allowed IPs; of one that was begun in an earlier message, its key alone. */
static bool put_peer_fields(struct nl_msg *message, const WireguardPeer *peer, bool begun)
{
        uint32_t flags = begun ? WGPEER_F_UPDATE_ONLY : kernel_flags(peer);

        if (nla_put(message, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, peer->public_key.bytes) < 0)
                return false;
        if (flags != 0 && nla_put_u32(message, WGPEER_A_FLAGS, flags) < 0)
                return false;
        if (begun)
                return true;

        if (peer->flags & WIREGUARD_PEER_HAS_PRESHARED_KEY &&
            nla_put(message, WGPEER_A_PRESHARED_KEY, WG_KEY_LEN, peer->preshared_key.bytes) < 0)
                return false;
        if (peer->flags & WIREGUARD_PEER_HAS_KEEPALIVE &&
            nla_put_u16(message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_seconds) < 0)
                return false;
        return put_endpoint(message, &peer->endpoint);
}

static bool put_allowed_ip(struct nl_msg *message, const IpPrefix *prefix)
{
        struct nlattr *nest = nla_nest_start(message, 0);

        if (!nest)
                return false;

        if (nla_put_u16(message, WGALLOWEDIP_A_FAMILY, prefix->family) < 0 ||
            nla_put(message, WGALLOWEDIP_A_IPADDR, (int) ip_address_size(prefix->family), prefix->bytes) <
                    0 ||
            nla_put_u8(message, WGALLOWEDIP_A_CIDR_MASK, prefix->length) < 0) {
                nla_nest_cancel(message, nest);
                return false;
        }

        (void) nla_nest_end(message, nest);
        return true;
}

/* Those that fit. */
static void put_allowed_ips(struct nl_msg *message, const WireguardPeer *peer, WireguardCursor *cursor)
{
        struct nlattr *nest = nla_nest_start(message, WGPEER_A_ALLOWEDIPS);
        size_t first = cursor->allowed_ip;

        if (!nest)
                return;

        while (cursor->allowed_ip < peer->n_allowed_ips &&
               put_allowed_ip(message, &peer->allowed_ips[cursor->allowed_ip]))
                cursor->allowed_ip++;

        if (cursor->allowed_ip > first)
                (void) nla_nest_end(message, nest);
        else
                nla_nest_cancel(message, nest);
}

/* Returns whether all of the peer is written now. */
static bool put_peer(struct nl_msg *message, const WireguardPeer *peer, WireguardCursor *cursor)
{
        struct nlattr *nest = nla_nest_start(message, 0);

        if (!nest)
                return false;

        if (!put_peer_fields(message, peer, cursor->peer_begun)) {
                nla_nest_cancel(message, nest);
                return false;
        }

        cursor->peer_begun = true;
        if (cursor->allowed_ip < peer->n_allowed_ips)
                put_allowed_ips(message, peer, cursor);
        (void) nla_nest_end(message, nest);
        return cursor->allowed_ip == peer->n_allowed_ips;
}

static bool put_peers(struct nl_msg *message, const WireguardDevice *changes, WireguardCursor *cursor)
{
        if (cursor->peer == changes->n_peers)
                return true;

        struct nlattr *nest = nla_nest_start(message, WGDEVICE_A_PEERS);
        if (!nest)
                return false;

        while (cursor->peer < changes->n_peers && put_peer(message, &changes->peers[cursor->peer], cursor)) {
                cursor->peer++;
                cursor->peer_begun = false;
                cursor->allowed_ip = 0;
        }

        (void) nla_nest_end(message, nest);
        return true;
}

int wireguard_genl_new_set(uint16_t family, const char *name, const WireguardDevice *changes,
                           WireguardCursor *cursor, struct nl_msg **ret_message)
{
        WireguardCursor before = *cursor;
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                new_message(family, NLM_F_ACK, WG_CMD_SET_DEVICE, WIREGUARD_GENL_MESSAGE_MAX);
        if (!message)
                return -ENOMEM;

        if (nla_put_string(message, WGDEVICE_A_IFNAME, name) < 0 ||
            (!cursor->begun && !put_device(message, changes)) || !put_peers(message, changes, cursor))
                return -EMSGSIZE;

        /* Else the sender would go on with the same message for ever. */
        cursor->begun = true;
        if (memcmp(&before, cursor, sizeof before) == 0)
                return -EMSGSIZE;

        *ret_message = TAKE_PTR(message);
        return 0;
}
