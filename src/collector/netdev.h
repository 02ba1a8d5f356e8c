/* SPDX-License-Identifier: MIT */
#pragma once

/* What each network device has carried. */

#include "sample/sample.h"

/* Fills `networks` from /proc/net/dev, in the kernel's order. **Source**: proc(5), net/core/net-procfs.c. Of
 * more devices than a sample holds the first ones stay, and those called veth* (one per container) give way
 * to all others. Lines that are cut off or no device's are passed over; bytes of a name that are not
 * printable ASCII become '_'. Errors: -ENOMEM. */
int netdev_parse(const char *text, SystemSample *sample);
