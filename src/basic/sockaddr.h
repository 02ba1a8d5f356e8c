/* SPDX-License-Identifier: MIT */
#pragma once

/* Addresses of sockets as texts: "127.0.0.1:8080", "[::1]:8080", "/run/devbox/api.sock". */

#include <netinet/in.h>
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

/* Appends nothing for other families than these. */
void sockaddr_append(const SockAddr *address, Text *text);
