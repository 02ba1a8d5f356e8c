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

int sockaddr_parse_host(const char *host, SockAddr *ret_address)
{
        SockAddr v4 = { .v4.sin_family = AF_INET }, v6 = { .v6.sin6_family = AF_INET6 };

        if (inet_pton(AF_INET, host, &v4.v4.sin_addr) == 1)
                *ret_address = v4;
        else if (inet_pton(AF_INET6, host, &v6.v6.sin6_addr) == 1)
                *ret_address = v6;
        else
                return -EINVAL;

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

        bool brackets = text[0] == '[' && colon[-1] == ']';
        size_t length = (size_t) (colon - text) - 2 * brackets;
        if (length >= sizeof host)
                return -EINVAL;
        memcpy(host, text + brackets, length);
        host[length] = '\0';

        int r = sockaddr_parse_host(host, &address);
        if (r < 0 || brackets != (address.any.sa_family == AF_INET6))
                return -EINVAL;

        if (brackets)
                address.v6.sin6_port = htons((uint16_t) port);
        else
                address.v4.sin_port = htons((uint16_t) port);
        *ret_address = address;
        *ret_size = brackets ? sizeof address.v6 : sizeof address.v4;
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

bool sockaddr_is_loopback(const SockAddr *address)
{
        const struct in6_addr *v6 = &address->v6.sin6_addr;

        switch (address->any.sa_family) {
        case AF_UNIX:
                return true;
        case AF_INET:
                return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(v6) ||
                       (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
        default:
                return false;
        }
}
