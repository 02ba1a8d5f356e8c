/* SPDX-License-Identifier: MIT */
#pragma once

/* Counters of network devices. */

#include "sample/sample.h"

/* Fills `networks` from /proc/net/dev, in the kernel's order. **Source**: proc(5), net/core/net-procfs.c. If
 * there are more devices than a sample holds, veth* (one for each container) are left out first, then the
 * last. Truncated lines and those of no device are skipped. In names, a control character, a backslash and a
 * byte that is not UTF-8 become \xNN. Errors: -ENOMEM. */
int netdev_parse(const char *text, SystemSample *sample);
