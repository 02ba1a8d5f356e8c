/* SPDX-License-Identifier: MIT */
/* Where a peer is outside the tunnel. */

#include "netlink/wireguard-endpoint.h"

int wireguard_endpoint_parse(const char *text, WireguardEndpoint *ret_endpoint)
{
        SockAddr address = { 0 };
        socklen_t size;

        if (text[0] != '\0' && (text[0] == '/' || sockaddr_parse(text, &address, &size) < 0))
                return -EINVAL;

        memcpy(ret_endpoint, &address, sizeof *ret_endpoint);
        return 0;
}

void wireguard_endpoint_append(const WireguardEndpoint *endpoint, Text *text)
{
        SockAddr address = { 0 };

        memcpy(&address, endpoint, sizeof *endpoint);
        sockaddr_append(&address, text);
}
