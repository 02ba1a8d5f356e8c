/* SPDX-License-Identifier: MIT */
/* IPv4 and IPv6 prefixes. */

#include "basic/ip-prefix.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "basic/parse.h"

int ip_prefix_init(IpPrefix *ret_prefix, sa_family_t family, const void *address, unsigned length)
{
        size_t size = ip_address_size(family);

        if (size == 0 || length > size * 8)
                return -EINVAL;

        *ret_prefix = (IpPrefix){ .family = family, .length = (uint8_t) length };
        memcpy(ret_prefix->bytes, address, size);
        return 0;
}

int ip_prefix_from_sockaddr(const SockAddr *address, IpPrefix *ret_prefix)
{
        const void *bytes = address->any.sa_family == AF_INET6 ? (const void *) &address->v6.sin6_addr
                                                               : &address->v4.sin_addr;

        return ip_prefix_init(ret_prefix, address->any.sa_family, bytes,
                              8 * (unsigned) ip_address_size(address->any.sa_family));
}

int ip_prefix_parse(const char *text, IpPrefix *ret_prefix)
{
        sa_family_t family = strchr(text, ':') ? AF_INET6 : AF_INET;
        const char *slash = strchrnul(text, '/');
        size_t n = (size_t) (slash - text);
        uint64_t bits = ip_address_size(family) * 8;
        char host[INET6_ADDRSTRLEN];
        uint8_t address[16];

        if (n >= sizeof host)
                return -EINVAL;
        memcpy(host, text, n);
        host[n] = '\0';

        if (inet_pton(family, host, address) != 1 || (*slash && parse_u64(slash + 1, 0, bits, &bits) < 0))
                return -EINVAL;

        return ip_prefix_init(ret_prefix, family, address, (unsigned) bits);
}

const char *ip_prefix_format_address(const IpPrefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE])
{
        if (!inet_ntop(prefix->family, prefix->bytes, ret_text, IP_PREFIX_TEXT_SIZE))
                ret_text[0] = '\0';
        return ret_text;
}

const char *ip_prefix_format(const IpPrefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE])
{
        size_t n = strlen(ip_prefix_format_address(prefix, ret_text));

        (void) snprintf(ret_text + n, IP_PREFIX_TEXT_SIZE - n, "/%u", prefix->length);
        return ret_text;
}

void ip_prefix_mask(IpPrefix *prefix)
{
        size_t whole = prefix->length / 8, rest = prefix->length % 8;

        for (size_t i = whole; i < sizeof prefix->bytes; i++)
                prefix->bytes[i] &= i == whole ? (uint8_t) (0xff00 >> rest) : 0;
}

int ip_prefix_compare(const IpPrefix *a, const IpPrefix *b)
{
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;

        int r = memcmp(a->bytes, b->bytes, sizeof a->bytes);
        return r != 0 ? r : (int) a->length - (int) b->length;
}

bool ip_prefix_contains(const IpPrefix *outer, const IpPrefix *inner)
{
        IpPrefix a = *outer, b = *inner;

        if (a.family != b.family || a.length > b.length)
                return false;

        b.length = a.length;
        ip_prefix_mask(&a);
        ip_prefix_mask(&b);
        return ip_prefix_compare(&a, &b) == 0;
}
