/* SPDX-License-Identifier: MIT */
#pragma once

/* IPv4 and IPv6 prefixes; one with its full length is an address. */

#include "basic/macro.h"
#include "basic/sockaddr.h"

#define IP_PREFIX_TEXT_SIZE (INET6_ADDRSTRLEN + sizeof "/128")

typedef struct IpPrefix {
        sa_family_t family; /* AF_INET or AF_INET6; AF_UNSPEC: none */
        uint8_t length;     /* bits */
        uint8_t bytes[16];  /* network order; what the family does not use is zero */
} IpPrefix;

#define IP_PREFIX_NULL ((IpPrefix){ .family = AF_UNSPEC })

/* The bytes of an address of that family; 0 for other families. */
static inline size_t ip_address_size(sa_family_t family)
{
        return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* `address` has ip_address_size(family) bytes. Errors: -EINVAL: other family, or more bits than it has. */
int ip_prefix_init(IpPrefix *ret_prefix, sa_family_t family, const void *address, unsigned length);

/* The address of a socket. Errors: -EINVAL: other family. */
int ip_prefix_from_sockaddr(const SockAddr *address, IpPrefix *ret_prefix);

/* "10.42.0.0/24", "fd00::/8"; without a length, one address. Host bits are kept: "10.42.0.1/24".
 * Errors: -EINVAL. */
int ip_prefix_parse(const char *text, IpPrefix *ret_prefix);

/* Both return `ret_text`; the second leaves the length out. */
const char *ip_prefix_format(const IpPrefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE]);
const char *ip_prefix_format_address(const IpPrefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE]);

/* Clears the host bits. */
void ip_prefix_mask(IpPrefix *prefix);

/* A total order: by family, address, length. */
int ip_prefix_compare(const IpPrefix *a, const IpPrefix *b);

/* Whether each address of `inner` is one of `outer`. */
bool ip_prefix_contains(const IpPrefix *outer, const IpPrefix *inner);
