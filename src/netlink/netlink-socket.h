/* SPDX-License-Identifier: MIT */
#pragma once

/* Requests to the kernel over netlink, and the datagrams it answers with. Messages are built with libnl's
 * nlmsg and nla functions; sockets and replies are handled here, because libnl maps several errors to one
 * and ignores the error at the end of a dump.
 *
 * The kernel works on a request inside send(2) and has queued the acknowledgement before that returns; the
 * further parts of a dump are made inside recv(2). So a reply never has to be waited for, and a non-blocking
 * exchange takes as long as the kernel computes, on any event loop. Source: netlink(7),
 * net/netlink/af_netlink.c:netlink_unicast_kernel(), netlink_dump(). */

#include <netlink/netlink.h> /* needed by the next two */

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "basic/bytes.h"

/* No datagram of a dump is larger: SKB_WITH_OVERHEAD(32 KiB) in netlink_dump(). */
#define NETLINK_DATAGRAM_MAX (32 * 1024)

/* One message of a reply. A negative return ends the exchange with that error. */
typedef int (*netlink_message_handler_t)(const struct nlmsghdr *header, void *userdata);

/* The reply to one request, as far as it was read. */
typedef struct NetlinkReply {
        uint32_t sequence; /* of the request; other messages are skipped */
        bool interrupted;  /* the dump is not one consistent state: NLM_F_DUMP_INTR */
        netlink_message_handler_t on_message;
        void *userdata;
} NetlinkReply;

typedef enum NetlinkProgress {
        NETLINK_MORE = 0,
        NETLINK_COMPLETE, /* acknowledged, or the dump has ended */
} NetlinkProgress;

/* A non-blocking socket of that protocol (NETLINK_GENERIC, NETLINK_ROUTE). Returns it. */
int netlink_open(int protocol);

/* A message of `size` bytes at most, beginning with that header; NLM_F_REQUEST is added. NULL: no
 * memory. */
struct nl_msg *netlink_message_new(uint16_t type, uint16_t flags, size_t size);

/* Accepts NULL; wipes it first: messages carry keys. */
struct nl_msg *netlink_message_free(struct nl_msg *message);
DEFINE_CLEANUP(struct nl_msg, netlink_message_free);

/* Sends the message and sets `reply->sequence`. Errors: those of send(2). */
int netlink_send(int fd, struct nl_msg *message, NetlinkReply *reply);

/* Reads the messages of one datagram. Returns a NetlinkProgress. Errors: those the kernel reports; -EBADMSG
 * a message ends behind its datagram, or is too short for its type. */
int netlink_reply_read(NetlinkReply *reply, Bytes datagram);

/* Receives one datagram into `buffer` of NETLINK_DATAGRAM_MAX bytes and reads it. Returns a NetlinkProgress.
 * Errors: those of netlink_reply_read(), -EAGAIN there is none, -EMSGSIZE it is larger. */
int netlink_receive(int fd, void *buffer, NetlinkReply *reply);

/* Opens a socket, sends the request, hands all messages of its reply to `on_message` (may be NULL) and
 * closes the socket. Errors: as above; -EINTR a dump was interrupted: ask again; -EPROTO no reply. */
int netlink_exchange(int protocol, struct nl_msg *request, netlink_message_handler_t on_message,
                     void *userdata);
