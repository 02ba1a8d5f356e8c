/* SPDX-License-Identifier: MIT */
#pragma once

/* Who may speak to a server on loopback: decided from the headers that a browser sets and a web page cannot.
 *
 * A page of any site can make its visitor's browser send requests to 127.0.0.1. Two things give it away.
 * Under DNS rebinding the browser believes to speak to the page's own name, so Host carries that name: only
 * names of loopback are answered. A plain cross-site request carries the page's Origin, and in newer
 * browsers Sec-Fetch-Site: requests that change something are answered only from our own pages, or from what
 * is no browser. Source: RFC 9110 7.2, RFC 6454 7, Fetch Metadata. */

#include "proto/error.h"

/* NULL: absent. Counts tell of headers that came more than once. */
typedef struct HttpGuardHeaders {
        const char *host, *origin, *fetch_site;
        unsigned n_host, n_origin, n_fetch_site;
} HttpGuardHeaders;

typedef enum HttpGuardFlags {
        HTTP_GUARD_EXPOSED =
                1 << 0, /* the server listens beyond loopback on purpose: any address is its name */
        HTTP_GUARD_MUTATION = 1 << 1, /* the request changes something */
} HttpGuardFlags;

/* Whether the request may go on. Returns DEVBOX_ERROR_BAD_REQUEST without exactly one Host (HTTP/1.0 gets no
 * exception: every client has sent Host for decades), DEVBOX_ERROR_HOST_NOT_ALLOWED, or
 * DEVBOX_ERROR_ORIGIN_NOT_ALLOWED. */
int http_guard_check(const HttpGuardHeaders *headers, HttpGuardFlags flags);

/* Whether a Host header names loopback ("localhost", 127.0.0.0/8, [::1]) or, if `exposed`, any address in
 * figures; with or without a port. */
bool http_guard_host_allowed(const char *host, bool exposed);
