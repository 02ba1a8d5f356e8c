/* SPDX-License-Identifier: MIT */
/* Network links and their addresses, over rtnetlink. Source: rtnetlink(7). */

#include "netlink/link.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink/netlink-socket.h"

#define MESSAGE_MAX 512 /* of the few attributes below */

static const struct nla_policy link_policy[IFLA_MAX + 1] = {
        [IFLA_IFNAME] = { .type = NLA_STRING, .minlen = 1, .maxlen = IFNAMSIZ },
        [IFLA_MTU] = { .type = NLA_U32 },
        [IFLA_LINKINFO] = { .type = NLA_NESTED },
};

static const struct nla_policy info_policy[IFLA_INFO_MAX + 1] = {
        [IFLA_INFO_KIND] = { .type = NLA_STRING },
};

static const struct nla_policy address_policy[IFA_MAX + 1] = {
        [IFA_ADDRESS] = { .type = NLA_UNSPEC, .minlen = sizeof(struct in_addr) },
        [IFA_LOCAL] = { .type = NLA_UNSPEC, .minlen = sizeof(struct in_addr) },
};

static struct nl_msg *new_link_message(uint16_t type, uint16_t flags, const struct ifinfomsg *info)
{
        struct nl_msg *message = netlink_message_new(type, NLM_F_ACK | flags, MESSAGE_MAX);

        if (message && nlmsg_append(message, (void *) info, sizeof *info, NLMSG_ALIGNTO) < 0)
                return netlink_message_free(message);
        return message;
}

int link_create(const char *name, const char *kind)
{
        const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                new_link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info);
        struct nlattr *nest;

        if (!message)
                return -ENOMEM;
        if (nla_put_string(message, IFLA_IFNAME, name) < 0 ||
            !(nest = nla_nest_start(message, IFLA_LINKINFO)) ||
            nla_put_string(message, IFLA_INFO_KIND, kind) < 0 || nla_nest_end(message, nest) < 0)
                return -EMSGSIZE;

        return netlink_exchange(NETLINK_ROUTE, message, NULL, NULL);
}

static int read_link(const struct nlmsghdr *header, void *userdata)
{
        struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
        struct ifinfomsg fixed;
        Link link = { 0 };

        if (header->nlmsg_type != RTM_NEWLINK ||
            nlmsg_parse((struct nlmsghdr *) header, sizeof fixed, tb, IFLA_MAX, link_policy) < 0 ||
            !tb[IFLA_IFNAME])
                return -EBADMSG;

        memcpy(&fixed, NLMSG_DATA(header), sizeof fixed);
        link.index = (unsigned) fixed.ifi_index;
        link.up = !!(fixed.ifi_flags & IFF_UP);
        (void) nla_strlcpy(link.name, tb[IFLA_IFNAME], sizeof link.name);
        if (tb[IFLA_MTU])
                link.mtu = nla_get_u32(tb[IFLA_MTU]);
        if (tb[IFLA_LINKINFO]) {
                if (nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], info_policy) < 0)
                        return -EBADMSG;
                if (info[IFLA_INFO_KIND])
                        (void) nla_strlcpy(link.kind, info[IFLA_INFO_KIND], sizeof link.kind);
        }

        *(Link *) userdata = link;
        return 0;
}

int link_read(const char *name, Link *ret_link)
{
        const struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
        _cleanup_(netlink_message_freep) struct nl_msg *message = new_link_message(RTM_GETLINK, 0, &info);
        Link link = { 0 };

        if (!message)
                return -ENOMEM;
        if (nla_put_string(message, IFLA_IFNAME, name) < 0)
                return -EMSGSIZE;

        int r = netlink_exchange(NETLINK_ROUTE, message, read_link, &link);
        if (r < 0)
                return r;
        if (link.index == 0)
                return -EPROTO;

        *ret_link = link;
        return 0;
}

int link_delete(unsigned index)
{
        const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int) index };
        _cleanup_(netlink_message_freep) struct nl_msg *message = new_link_message(RTM_DELLINK, 0, &info);
        if (!message)
                return -ENOMEM;

        return netlink_exchange(NETLINK_ROUTE, message, NULL, NULL);
}

int link_set_mtu(unsigned index, uint32_t mtu)
{
        const struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int) index };
        _cleanup_(netlink_message_freep) struct nl_msg *message = new_link_message(RTM_NEWLINK, 0, &info);

        if (!message)
                return -ENOMEM;
        if (nla_put_u32(message, IFLA_MTU, mtu) < 0)
                return -EMSGSIZE;

        return netlink_exchange(NETLINK_ROUTE, message, NULL, NULL);
}

int link_set_up(unsigned index, bool up)
{
        const struct ifinfomsg info = {
                .ifi_family = AF_UNSPEC,
                .ifi_index = (int) index,
                .ifi_flags = up ? IFF_UP : 0,
                .ifi_change = IFF_UP,
        };
        _cleanup_(netlink_message_freep) struct nl_msg *message = new_link_message(RTM_NEWLINK, 0, &info);
        if (!message)
                return -ENOMEM;

        return netlink_exchange(NETLINK_ROUTE, message, NULL, NULL);
}

static int change_address(uint16_t type, uint16_t flags, unsigned index, const IpPrefix *address)
{
        const struct ifaddrmsg fixed = {
                .ifa_family = (uint8_t) address->family,
                .ifa_prefixlen = address->length,
                .ifa_scope = RT_SCOPE_UNIVERSE,
                .ifa_index = index,
        };
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                netlink_message_new(type, NLM_F_ACK | flags, MESSAGE_MAX);
        int size = (int) ip_address_size(address->family);

        if (!message)
                return -ENOMEM;
        if (nlmsg_append(message, (void *) &fixed, sizeof fixed, NLMSG_ALIGNTO) < 0 ||
            nla_put(message, IFA_LOCAL, size, address->bytes) < 0 ||
            nla_put(message, IFA_ADDRESS, size, address->bytes) < 0)
                return -EMSGSIZE;

        return netlink_exchange(NETLINK_ROUTE, message, NULL, NULL);
}

int link_add_address(unsigned index, const IpPrefix *address)
{
        return change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
}

int link_remove_address(unsigned index, const IpPrefix *address)
{
        return change_address(RTM_DELADDR, 0, index, address);
}

typedef struct Addresses {
        unsigned index; /* of the link */
        IpPrefix *items;
        size_t n_items;
} Addresses;

static int read_address(const struct nlmsghdr *header, void *userdata)
{
        Addresses *addresses = userdata;
        struct nlattr *tb[IFA_MAX + 1];
        struct ifaddrmsg fixed;

        if (header->nlmsg_type != RTM_NEWADDR ||
            nlmsg_parse((struct nlmsghdr *) header, sizeof fixed, tb, IFA_MAX, address_policy) < 0)
                return -EBADMSG;
        memcpy(&fixed, NLMSG_DATA(header), sizeof fixed);
        if (fixed.ifa_index != addresses->index)
                return 0;

        /* IFA_ADDRESS is that of the other end where the link has one. */
        struct nlattr *attribute = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
        IpPrefix *grown = reallocarray(addresses->items, addresses->n_items + 1, sizeof *addresses->items);
        if (!grown)
                return -ENOMEM;
        addresses->items = grown;

        if (!attribute || (size_t) nla_len(attribute) != ip_address_size(fixed.ifa_family) ||
            ip_prefix_init(&grown[addresses->n_items], fixed.ifa_family, nla_data(attribute),
                           fixed.ifa_prefixlen) < 0)
                return -EBADMSG;

        addresses->n_items++;
        return 0;
}

static int compare_addresses(const void *a, const void *b)
{
        return ip_prefix_compare(a, b);
}

int link_read_addresses(unsigned index, IpPrefix **ret_addresses, size_t *ret_n_addresses)
{
        const struct ifaddrmsg fixed = { .ifa_family = AF_UNSPEC };
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                netlink_message_new(RTM_GETADDR, NLM_F_DUMP, MESSAGE_MAX);
        Addresses addresses = { .index = index };

        if (!message || nlmsg_append(message, (void *) &fixed, sizeof fixed, NLMSG_ALIGNTO) < 0)
                return -ENOMEM;

        int r = netlink_exchange(NETLINK_ROUTE, message, read_address, &addresses);
        if (r < 0) {
                free(addresses.items);
                return r;
        }

        if (addresses.n_items > 1)
                qsort(addresses.items, addresses.n_items, sizeof *addresses.items, compare_addresses);
        *ret_addresses = addresses.items;
        *ret_n_addresses = addresses.n_items;
        return 0;
}
