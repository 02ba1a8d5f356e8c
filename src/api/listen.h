/* SPDX-License-Identifier: MIT */
#pragma once

/* Listening sockets where no systemd hands them over (development, containers), and where any listens. */

#include "basic/text.h"

/* "127.0.0.1:8080", "[::1]:8080" or "/path/of/a/socket", which is made anew and for this user only. Returns
 * the descriptor. Errors: -EINVAL for what is none of these; those of socket(2), bind(2), listen(2). */
int listen_on(const char *address);

/* Where the socket listens, written as listen_on() takes it; nothing for other kinds of sockets. Errors:
 * those of getsockname(2). */
int listen_append_address(int fd, Text *text);
