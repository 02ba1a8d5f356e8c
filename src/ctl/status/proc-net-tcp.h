/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether an address is really listened at, as the kernel reports. systemd reports what a socket unit is
 * configured for: after a daemon-reload with another address that is open only once the unit was restarted.
 */

/* Returns 1 if a socket of root listens at exactly this address ("127.0.0.1:8080", "[::1]:8080"), else 0: a
 * one of another user does not count. systemd makes those of its units as root. `proc_fd`: /proc.
 * Source: /proc/net/tcp, /proc/net/tcp6, proc(5).
 * Errors: -EINVAL another kind of address; those of openat(2). */
int listening_at(int proc_fd, const char *address);
