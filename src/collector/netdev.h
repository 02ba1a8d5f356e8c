/* SPDX-License-Identifier: MIT */
#pragma once

/* Counters of network devices. */

#include "sample/sample.h"

/* Fills `networks` from /proc/net/dev, in the kernel's order. **Source**: proc(5), net/core/net-procfs.c. If
 * there are more devices than a sample holds, veth* (one for each container) are left out first, then the
 * last. Truncated lines and those of no device are skipped; bytes of a name that are not printable ASCII
 * become '_'. Errors: -ENOMEM. */
int netdev_parse(const char *text, SystemSample *sample);
