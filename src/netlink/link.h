/* SPDX-License-Identifier: MIT */
#pragma once

/* Network links and their addresses, over rtnetlink, in the network namespace of the process. Each function
 * is one exchange that the kernel answers inside send(2) (netlink/netlink-socket.h). All of them fail with
 * -EPERM without CAP_NET_ADMIN, but for the two that read. */

#include <net/if.h>
#include <systemd/sd-event.h>

#include "basic/ip-prefix.h"

typedef struct Link {
        unsigned index;
        char name[IFNAMSIZ];
        char kind[16]; /* "wireguard", "tun"; empty for hardware */
        uint32_t mtu;
        bool up;
} Link;

/* Errors: -EOPNOTSUPP the kernel has no such kind; -EEXIST there is a link of that name, whatever kind. */
int link_create(const char *name, const char *kind);

/* Errors: -ENODEV no such link. */
int link_read(const char *name, Link *ret_link);
int link_delete(unsigned index);
int link_set_mtu(unsigned index, uint32_t mtu);

/* Errors: -ENODEV; -EADDRINUSE: the port of a WireGuard link is taken, which shows only here. */
int link_set_up(unsigned index, bool up);

/* With the length of its network; adding it again changes nothing. The route to that network is added and
 * removed with it. Errors: -ENODEV no such link; -EADDRNOTAVAIL: the link does not have that address. */
int link_add_address(unsigned index, const IpPrefix *address);
int link_remove_address(unsigned index, const IpPrefix *address);

/* All addresses of a link, sorted; the caller frees them. Errors: -EINTR they changed meanwhile. */
int link_read_addresses(unsigned index, IpPrefix **ret_addresses, size_t *ret_n_addresses);

/* Watches all links and their IPv4 addresses. */
typedef struct LinkWatch LinkWatch;

/* A link, or an address of it, was added, changed or removed; `index` of 0: of any, events were lost. A
 * return below 0 ends the loop with that error. */
typedef int (*link_handler_t)(unsigned index, void *owner);

int link_watch_new(sd_event *event, link_handler_t handler, void *owner, LinkWatch **ret_watch);
LinkWatch *link_watch_free(LinkWatch *watch);
DEFINE_CLEANUP(LinkWatch, link_watch_free);
