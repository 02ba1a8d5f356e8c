/* SPDX-License-Identifier: MIT */
/* Watches all links and their IPv4 addresses, through the multicast groups of rtnetlink. */

#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "netlink/link.h"
#include "netlink/netlink-socket.h"

#define DATAGRAMS_MAX 64 /* in one iteration of the loop, which others share */

struct LinkWatch {
        link_handler_t handler;
        void *owner;
        int fd;
        sd_event_source *source;
        uint8_t buffer[NETLINK_DATAGRAM_MAX];
};

/* Both kinds of message have the index of the link as their second int. */
static int on_change(const struct nlmsghdr *header, void *userdata)
{
        LinkWatch *watch = userdata;
        struct ifinfomsg link;
        struct ifaddrmsg address;

        switch (header->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                if (header->nlmsg_len < NLMSG_LENGTH(sizeof link))
                        return -EBADMSG;
                memcpy(&link, NLMSG_DATA(header), sizeof link);
                return watch->handler((unsigned) link.ifi_index, watch->owner);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                if (header->nlmsg_len < NLMSG_LENGTH(sizeof address))
                        return -EBADMSG;
                memcpy(&address, NLMSG_DATA(header), sizeof address);
                return watch->handler(address.ifa_index, watch->owner);
        default:
                return 0;
        }
}

/* Messages of a group have the number of the request that caused them: any. */
static int read_datagram(LinkWatch *watch)
{
        ssize_t n = recv(watch->fd, watch->buffer, sizeof watch->buffer, MSG_DONTWAIT);
        if (n < 0)
                return -errno;

        const struct nlmsghdr *header = (const struct nlmsghdr *) watch->buffer;
        for (unsigned left = (unsigned) n; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
                int r = on_change(header, watch);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        LinkWatch *watch = userdata;

        for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
                int r = read_datagram(watch);
                if (r == -EAGAIN || r == -EINTR)
                        return 0;
                if (r == -ENOBUFS || r == -EBADMSG)
                        r = watch->handler(0, watch->owner);
                if (r < 0)
                        return sd_event_exit(sd_event_source_get_event(source), r);
        }

        return 0;
}

int link_watch_new(sd_event *event, link_handler_t handler, void *owner, LinkWatch **ret_watch)
{
        static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR };
        _cleanup_(link_watch_freep) LinkWatch *watch = malloc(sizeof *watch);
        if (!watch)
                return -ENOMEM;

        watch->handler = handler;
        watch->owner = owner;
        watch->source = NULL;
        watch->fd = netlink_open(NETLINK_ROUTE);
        if (watch->fd < 0)
                return watch->fd;

        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (setsockopt(watch->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
                               sizeof groups[i]) < 0)
                        return -errno;

        int r = sd_event_add_io(event, &watch->source, watch->fd, EPOLLIN, on_readable, watch);
        if (r < 0)
                return r;

        *ret_watch = TAKE_PTR(watch);
        return 0;
}

LinkWatch *link_watch_free(LinkWatch *watch)
{
        if (!watch)
                return NULL;

        sd_event_source_disable_unref(watch->source);
        (void) fd_close(watch->fd);
        free(watch);
        return NULL;
}
