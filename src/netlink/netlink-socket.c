/* SPDX-License-Identifier: MIT */
/* Requests to the kernel over netlink. */

#include "netlink/netlink-socket.h"

#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd.h"

int netlink_open(int protocol)
{
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        int on = 1;

        _cleanup_(fd_closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
        if (fd < 0)
                return -errno;

        /* An error does not carry the request, and with it a key, back. */
        if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) < 0)
                return -errno;

        /* A socket without an address of its own takes no part in groups. */
        if (bind(fd, (const struct sockaddr *) &address, sizeof address) < 0)
                return -errno;

        return TAKE_FD(fd);
}

struct nl_msg *netlink_message_new(uint16_t type, uint16_t flags, size_t size)
{
        struct nl_msg *message = nlmsg_alloc_size(size);

        if (message && !nlmsg_put(message, 0, 1, type, 0, NLM_F_REQUEST | flags)) {
                nlmsg_free(message);
                return NULL;
        }
        return message;
}

struct nl_msg *netlink_message_free(struct nl_msg *message)
{
        if (message) {
                sodium_memzero(nlmsg_hdr(message), nlmsg_get_max_size(message));
                nlmsg_free(message);
        }
        return NULL;
}

int netlink_send(int fd, struct nl_msg *message, NetlinkReply *reply)
{
        struct nlmsghdr *header = nlmsg_hdr(message);

        header->nlmsg_seq = ++reply->sequence;
        if (send(fd, header, header->nlmsg_len, MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

/* The number in front of NLMSG_ERROR and NLMSG_DONE: 0 or a negative errno. */
static int read_error(const struct nlmsghdr *header, int *ret_error)
{
        int error;

        if (header->nlmsg_len < NLMSG_LENGTH(sizeof error))
                return -EBADMSG;

        memcpy(&error, NLMSG_DATA(header), sizeof error);
        if (error > 0 || error < -4095)
                return -EBADMSG;

        *ret_error = error;
        return 0;
}

static int read_message(NetlinkReply *reply, const struct nlmsghdr *header)
{
        int error;

        if (header->nlmsg_seq != reply->sequence)
                return NETLINK_MORE;
        reply->interrupted |= !!(header->nlmsg_flags & NLM_F_DUMP_INTR);

        switch (header->nlmsg_type) {
        case NLMSG_ERROR:
        case NLMSG_DONE: {
                int r = read_error(header, &error);
                return r < 0 ? r : error < 0 ? error : NETLINK_COMPLETE;
        }
        case NLMSG_NOOP:
                return NETLINK_MORE;
        case NLMSG_OVERRUN:
                return -ENOBUFS;
        default:
                return reply->on_message ? reply->on_message(header, reply->userdata) : NETLINK_MORE;
        }
}

int netlink_reply_read(NetlinkReply *reply, Bytes datagram)
{
        const uint8_t *at = datagram.data;
        size_t left = datagram.size;

        while (left > 0) {
                struct nlmsghdr header;

                if (left < sizeof header)
                        return -EBADMSG;
                memcpy(&header, at, sizeof header);
                if (header.nlmsg_len < sizeof header || header.nlmsg_len > left)
                        return -EBADMSG;

                int r = read_message(reply, (const struct nlmsghdr *) at);
                if (r != NETLINK_MORE)
                        return r;

                size_t step = MIN(left, (size_t) NLMSG_ALIGN(header.nlmsg_len));
                at += step;
                left -= step;
        }

        return NETLINK_MORE;
}

int netlink_receive(int fd, void *buffer, NetlinkReply *reply)
{
        ssize_t n = recv(fd, buffer, NETLINK_DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0)
                return errno == EINTR ? NETLINK_MORE : -errno;
        if (n == 0)
                return -EPROTO;
        if (n > NETLINK_DATAGRAM_MAX)
                return -EMSGSIZE;

        return netlink_reply_read(reply, BYTES(buffer, (size_t) n));
}

int netlink_exchange(int protocol, struct nl_msg *request, netlink_message_handler_t on_message,
                     void *userdata)
{
        NetlinkReply reply = { .on_message = on_message, .userdata = userdata };
        _cleanup_(freep) void *buffer = malloc(NETLINK_DATAGRAM_MAX);
        if (!buffer)
                return -ENOMEM;

        _cleanup_(fd_closep) int fd = netlink_open(protocol);
        if (fd < 0)
                return fd;

        int r = netlink_send(fd, request, &reply);
        if (r < 0)
                return r;

        do
                r = netlink_receive(fd, buffer, &reply);
        while (r == NETLINK_MORE);
        if (r == -EAGAIN)
                return -EPROTO;
        if (r < 0)
                return r;

        return reply.interrupted ? -EINTR : 0;
}
