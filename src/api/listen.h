/* SPDX-License-Identifier: MIT */
#pragma once

/* Listening sockets: those made here, where no systemd hands them over (development, containers), and what
 * each of systemd's is for. */

#include "basic/ip-prefix.h"
#include "basic/text.h"

/* Who is served; a scope of http/route.h is 1 << PURPOSE. */
typedef enum ListenPurpose {
        LISTEN_LOCAL,     /* this machine, or all that http.insecure_expose admits: all routes */
        LISTEN_MESH,      /* devices, inside the mesh */
        LISTEN_BOOTSTRAP, /* machines with an invitation, inside the tunnel that it opens */
        _LISTEN_PURPOSE_MAX,
} ListenPurpose;

/* "127.0.0.1:8080", "[::1]:8080" or "/path/of/a/socket", which is made anew and for this user only. Returns
 * the descriptor. Errors: -EINVAL for what is none of these; those of socket(2), bind(2), listen(2). */
int listen_on(const char *address);

/* From FileDescriptorName= of the socket unit: "mesh=10.42.0.0/24" is a purpose and the addresses that may
 * connect; a name without "=" is LISTEN_LOCAL, from everywhere. Errors: -EINVAL another purpose, no prefix.
 */
int listen_parse_name(const char *name, ListenPurpose *ret_purpose, IpPrefix *ret_sources);

/* Where the socket listens, written as listen_on() takes it; nothing for other kinds of sockets. Errors:
 * those of getsockname(2). */
int listen_append_address(int fd, Text *text);
