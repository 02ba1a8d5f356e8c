/* SPDX-License-Identifier: MIT */
/* Host, Origin and Sec-Fetch-Site checks: see guard.h. */

#include "http/guard.h"

#include <strings.h>

#include "basic/parse.h"
#include "basic/sockaddr.h"

/* The longest host is an IPv6 address in brackets with an IPv4 tail. */
#define HOST_SIZE (INET6_ADDRSTRLEN + 2)

/* Splits "host:port" and "[address]:port" into the host, without brackets, and the port; no port is 80. Only
 * an IPv6 address has brackets. Errors: -EINVAL. */
static int authority_split(const char *text, char ret_host[static HOST_SIZE], bool *ret_brackets,
                           uint64_t *ret_port)
{
        bool brackets = text[0] == '[';
        const char *begin = text + brackets, *end = begin + strcspn(begin, brackets ? "]" : ":");
        size_t length = (size_t) (end - begin);
        uint64_t port = 80;

        if (length == 0 || length >= HOST_SIZE)
                return -EINVAL;
        if (brackets && *end++ != ']')
                return -EINVAL;

        if (*end == ':') {
                if (parse_u64(end + 1, 1, 65535, &port) < 0)
                        return -EINVAL;
        } else if (*end != '\0')
                return -EINVAL;

        memcpy(ret_host, begin, length);
        ret_host[length] = '\0';
        *ret_brackets = brackets;
        *ret_port = port;
        return 0;
}

static bool host_is_allowed(const char *host, bool brackets, bool exposed, const IpPrefix *own)
{
        SockAddr address;
        IpPrefix asked;

        if (!own && !brackets && strcasecmp(host, "localhost") == 0)
                return true;
        if (sockaddr_parse_host(host, &address) < 0 || brackets != (address.any.sa_family == AF_INET6))
                return false;
        if (own)
                return ip_prefix_from_sockaddr(&address, &asked) == 0 && ip_prefix_compare(&asked, own) == 0;

        return exposed || sockaddr_is_loopback(&address);
}

/* The port is not compared with ours: a forwarded one (ssh -L 9000:127.0.0.1:8080) is fine. */
bool http_guard_host_allowed(const char *host, bool exposed, const IpPrefix *own)
{
        char name[HOST_SIZE];
        bool brackets;
        uint64_t port;

        return authority_split(host, name, &brackets, &port) >= 0 &&
               host_is_allowed(name, brackets, exposed, own);
}

/* Whether it is "http://" with the host and port of the Host header. "null", which sandboxed frames and
 * files send, is a foreign origin. */
static bool origin_is_ours(const char *origin, const char *host)
{
        char our_host[HOST_SIZE], their_host[HOST_SIZE];
        bool our_brackets, their_brackets;
        uint64_t our_port, their_port;

        if (strncasecmp(origin, "http://", strlen("http://")) != 0)
                return false;

        return authority_split(host, our_host, &our_brackets, &our_port) >= 0 &&
               authority_split(origin + strlen("http://"), their_host, &their_brackets, &their_port) >= 0 &&
               strcasecmp(our_host, their_host) == 0 && our_brackets == their_brackets &&
               our_port == their_port;
}

/* "same-site" is not enough: all ports of localhost are one site. "none" is a request the user made. */
static bool fetch_site_is_ours(const char *fetch_site)
{
        return strcasecmp(fetch_site, "same-origin") == 0 || strcasecmp(fetch_site, "none") == 0;
}

int http_guard_check(const HttpGuardHeaders *headers, HttpGuardFlags flags, const IpPrefix *own)
{
        if (headers->n_host != 1)
                return DEVBOX_ERROR_BAD_REQUEST;
        if (!http_guard_host_allowed(headers->host, flags & HTTP_GUARD_EXPOSED, own))
                return DEVBOX_ERROR_HOST_NOT_ALLOWED;
        if (!(flags & HTTP_GUARD_MUTATION))
                return 0;

        if (headers->n_origin > 1 || headers->n_fetch_site > 1)
                return DEVBOX_ERROR_BAD_REQUEST;
        if (headers->n_origin == 1 && !origin_is_ours(headers->origin, headers->host))
                return DEVBOX_ERROR_ORIGIN_NOT_ALLOWED;
        if (headers->n_fetch_site == 1 && !fetch_site_is_ours(headers->fetch_site))
                return DEVBOX_ERROR_ORIGIN_NOT_ALLOWED;

        return 0;
}
