/* SPDX-License-Identifier: MIT */
#pragma once

/* Protects a server on loopback from web pages, by headers that a browser sets and a page cannot.
 *
 * A page of any site can make its visitor's browser send requests to 127.0.0.1. With DNS rebinding the
 * browser takes the server for the page's own site, and Host has that site's name: only names of loopback
 * are accepted. A cross-site request has the page's Origin and, from newer browsers, Sec-Fetch-Site:
 * mutations are accepted only from our own origin or from clients that are not browsers. A listener on an
 * address of its own, for other machines, is requested by that address.
 * Source: RFC 9110 7.2, RFC 6454 7, Fetch Metadata. */

#include "basic/ip-prefix.h"
#include "proto/error.h"

/* The last value of each header, NULL if absent, and how many there were. */
typedef struct HttpGuardHeaders {
        const char *host, *origin, *fetch_site;
        unsigned n_host, n_origin, n_fetch_site;
} HttpGuardHeaders;

typedef enum HttpGuardFlags {
        HTTP_GUARD_EXPOSED =
                1 << 0, /* the server listens beyond loopback: any address is accepted as Host */
        HTTP_GUARD_MUTATION = 1 << 1, /* neither GET nor HEAD */
} HttpGuardFlags;

/* `own` is the address that must be requested instead of loopback; NULL: none. Returns 0 to accept the
 * request; DEVBOX_ERROR_BAD_REQUEST without exactly one Host (also in HTTP/1.0: all clients send it),
 * DEVBOX_ERROR_HOST_NOT_ALLOWED, or DEVBOX_ERROR_ORIGIN_NOT_ALLOWED. */
int http_guard_check(const HttpGuardHeaders *headers, HttpGuardFlags flags, const IpPrefix *own);

/* Whether a Host header names loopback ("localhost", 127.0.0.0/8, [::1]) or, if `exposed`, any numeric
 * address; or instead of all these, if it is not NULL, `own`; with or without a port. */
bool http_guard_host_allowed(const char *host, bool exposed, const IpPrefix *own);
