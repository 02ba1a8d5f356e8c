/* SPDX-License-Identifier: MIT */
#pragma once

/* A network of its own for a test program. */

#include <netinet/in.h>
#include <stdbool.h>

/* Moves the process into a new network namespace, in which it is root. False where this machine forbids that
 * or has no /dev/net/tun; why is printed, and the test should skip. */
bool namespace_enter(void);

/* A link of that name which this process is the other end of: what is written to the descriptor comes in
 * there. It is up and has the address, "10.42.0.1/24". */
int namespace_add_tun(const char *name, const char *address);
