/* SPDX-License-Identifier: MIT */
#pragma once

/* The connection between an agent and a worker: a SOCK_SEQPACKET socket, on which each message is one type
 * byte and its payload. The types below are in the order in which they are sent. */

#include "basic/bytes.h"

#define CHANNEL_PAYLOAD_MAX (64 * 1024)

typedef enum ChannelType {
        CHANNEL_HELLO = 'H',   /* worker: its X25519 key, 32 bytes */
        CHANNEL_REQUEST = 'Q', /* agent: a piece of the request's envelope */
        CHANNEL_PERMIT = 'P',  /* agent: a piece of the permit's */
        CHANNEL_RUN = 'R',     /* agent: both are complete */
        CHANNEL_CANCEL = 'C',  /* agent: in place of R, do not run; after it, end; so does closing */
        CHANNEL_STDOUT = 'O',  /* worker: a piece of standard output */
        CHANNEL_STDERR = 'E',
        CHANNEL_END = 'Z', /* worker: trust/worker-end.h; then it closes */
} ChannelType;

/* Blocks until the agent has taken the message. Errors: -EMSGSIZE; -EPIPE, -ECONNRESET the agent is gone. */
int channel_send(int fd, ChannelType type, Bytes payload);

/* Receives one message into `buffer`, of CHANNEL_PAYLOAD_MAX bytes. Errors: -ECONNRESET the peer is gone,
 * and all that it sent was received; -EAGAIN the socket has a timeout, which passed; -EMSGSIZE a message is
 * longer. */
int channel_receive(int fd, ChannelType *ret_type, uint8_t *buffer, size_t *ret_size);
