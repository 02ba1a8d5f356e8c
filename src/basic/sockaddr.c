/* SPDX-License-Identifier: MIT */
/* Addresses of sockets as texts. */

#include "basic/sockaddr.h"

#include <arpa/inet.h>

#include "basic/macro.h"
#include "basic/parse.h"

static int parse_path(const char *text, SockAddr *ret_address, socklen_t *ret_size)
{
        size_t length = strlen(text);

        if (length >= sizeof ret_address->local.sun_path)
                return -ENAMETOOLONG;

        ret_address->local = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret_address->local.sun_path, text, length + 1);
        *ret_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length + 1);
        return 0;
}

static int parse_host_port(const char *text, SockAddr *ret_address, socklen_t *ret_size)
{
        const char *colon = strrchr(text, ':');
        SockAddr address = { 0 };
        char host[INET6_ADDRSTRLEN];
        uint64_t port;

        if (!colon || parse_u64(colon + 1, 0, 65535, &port) < 0)
                return -EINVAL;

        bool v6 = text[0] == '[' && colon[-1] == ']';
        size_t length = (size_t) (colon - text) - 2 * v6;
        if (length >= sizeof host)
                return -EINVAL;
        memcpy(host, text + v6, length);
        host[length] = '\0';

        if (v6)
                address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                    .sin6_port = htons((uint16_t) port) };
        else
                address.v4 =
                        (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        if (inet_pton(address.any.sa_family, host,
                      v6 ? (void *) &address.v6.sin6_addr : &address.v4.sin_addr) != 1)
                return -EINVAL;

        *ret_address = address;
        *ret_size = v6 ? sizeof address.v6 : sizeof address.v4;
        return 0;
}

int sockaddr_parse(const char *text, SockAddr *ret_address, socklen_t *ret_size)
{
        return text[0] == '/' ? parse_path(text, ret_address, ret_size)
                              : parse_host_port(text, ret_address, ret_size);
}

void sockaddr_append(const SockAddr *address, Text *text)
{
        char host[INET6_ADDRSTRLEN];

        if (address->any.sa_family == AF_UNIX)
                text_append(text, address->local.sun_path);
        else if (address->any.sa_family == AF_INET &&
                 inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host))
                text_appendf(text, "%s:%u", host, ntohs(address->v4.sin_port));
        else if (address->any.sa_family == AF_INET6 &&
                 inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host))
                text_appendf(text, "[%s]:%u", host, ntohs(address->v6.sin6_port));
}
