/* SPDX-License-Identifier: MIT */
#pragma once

/* Addresses of sockets as texts: "127.0.0.1:8080", "[::1]:8080", "/run/devbox/api.sock". */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/text.h"

typedef union SockAddr {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
} SockAddr;

/* Errors: -EINVAL no address; -ENAMETOOLONG of a path. */
int sockaddr_parse(const char *text, SockAddr *ret_address, socklen_t *ret_size);

/* An IPv4 or IPv6 address without brackets, port or scope; the port becomes 0. Errors: -EINVAL. */
int sockaddr_parse_host(const char *host, SockAddr *ret_address);

/* Whether only this machine reaches it: 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104, a Unix socket. */
bool sockaddr_is_loopback(const SockAddr *address);

/* Appends nothing for other families than these. */
void sockaddr_append(const SockAddr *address, Text *text);
