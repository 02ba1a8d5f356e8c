/* SPDX-License-Identifier: MIT */
#pragma once

/* The connection to the agent: a SOCK_SEQPACKET socket, on which each message is one type byte and its
 * payload.
 *
 *     worker → agent    H hello: the worker's X25519 key, 32 bytes · O, E pieces of standard output and
 * error · Z end: trust/permit.h; then the worker closes agent → worker    Q a piece of the request's
 * envelope, in order · P the permit's envelope: the request is complete · C cancel; so is closing */

#include "basic/bytes.h"

#define CHANNEL_PAYLOAD_MAX (32 * 1024)

typedef enum ChannelType {
        CHANNEL_HELLO = 'H',
        CHANNEL_STDOUT = 'O',
        CHANNEL_STDERR = 'E',
        CHANNEL_END = 'Z',
        CHANNEL_REQUEST = 'Q',
        CHANNEL_PERMIT = 'P',
        CHANNEL_RUN = 'R',
        CHANNEL_CANCEL = 'C',
} ChannelType;

/* Blocks until the agent has taken the message. Errors: -EMSGSIZE; -EPIPE, -ECONNRESET the agent is gone. */
int channel_send(int fd, ChannelType type, Bytes payload);

/* Receives one message into `buffer`, of CHANNEL_PAYLOAD_MAX bytes. Errors: -ECONNRESET the agent is gone;
 * -EAGAIN the socket has a timeout, which passed; -EMSGSIZE a message is longer. */
int channel_receive(int fd, ChannelType *ret_type, uint8_t *buffer, size_t *ret_size);
