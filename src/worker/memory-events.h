/* SPDX-License-Identifier: MIT */
#pragma once

/* The file memory.events of a control group. */

#include "basic/macro.h"

/* How many processes of the group the kernel has killed because memory was used up. Source: the key
 * oom_kill, admin-guide/cgroup-v2.rst of the kernel. Errors: -EBADMSG there is no such line. */
int memory_events_parse_kills(const char *text, uint64_t *ret_kills);
