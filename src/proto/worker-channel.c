/* SPDX-License-Identifier: MIT */
/* Messages to and from the agent. */

#include "proto/worker-channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

int channel_send(int fd, ChannelType type, Bytes payload)
{
        uint8_t first = (uint8_t) type;
        struct iovec parts[] = { { &first, 1 }, { (void *) payload.data, payload.size } };
        const struct msghdr message = { .msg_iov = parts, .msg_iovlen = ELEMENTSOF(parts) };
        ssize_t n = -1;

        if (payload.size > CHANNEL_PAYLOAD_MAX)
                return -EMSGSIZE;

        do
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);

        return n < 0 ? -errno : 0;
}

int channel_receive(int fd, ChannelType *ret_type, uint8_t *buffer, size_t *ret_size)
{
        uint8_t first = 0;
        struct iovec parts[] = { { &first, 1 }, { buffer, CHANNEL_PAYLOAD_MAX } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = ELEMENTSOF(parts) };
        ssize_t n = -1;

        /* A peer that closes with a message unread: ECONNRESET is reported once, ahead of what the peer had
         * sent (unix_release_sock() in net/unix/af_unix.c). */
        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));

        if (n < 0)
                return -errno;
        if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EMSGSIZE;
        /* A closed connection and an empty message look alike; a peer that sends the latter gets the same.
         */
        if (n == 0)
                return -ECONNRESET;

        *ret_type = (ChannelType) first;
        *ret_size = (size_t) n - 1;
        return 0;
}
