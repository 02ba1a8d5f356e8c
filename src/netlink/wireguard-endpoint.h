/* SPDX-License-Identifier: MIT */
#pragma once

/* Where a peer is outside the tunnel. What its address does not use is zero, and there is no zone. */

#include "basic/sockaddr.h"
#include "basic/text.h"

typedef union WireguardEndpoint {
        struct sockaddr any; /* AF_UNSPEC: unknown */
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} WireguardEndpoint;

/* As "192.0.2.1:51820" or "[2001:db8::1]:51820"; an unknown one is the empty text. Errors: -EINVAL. */
int wireguard_endpoint_parse(const char *text, WireguardEndpoint *ret_endpoint);
void wireguard_endpoint_append(const WireguardEndpoint *endpoint, Text *text);

static inline bool wireguard_endpoint_is_known(const WireguardEndpoint *endpoint)
{
        return endpoint->any.sa_family != AF_UNSPEC;
}

static inline bool wireguard_endpoint_equal(const WireguardEndpoint *a, const WireguardEndpoint *b)
{
        return memcmp(a, b, sizeof *a) == 0;
}
