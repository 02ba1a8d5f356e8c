/* SPDX-License-Identifier: MIT */
#pragma once

/* A counter of the kernel that must not decrease, as Prometheus requires. */

#include "basic/time.h"

typedef struct Counter {
        usec_t value_usec;  /* as last returned */
        usec_t offset_usec; /* between the kernel's value and ours, since the kernel's last restart */
} Counter;

/* Returns the value to report for the kernel's. A small step back (iowait is an estimate and corrects
 * itself) is held until the kernel's value catches up; after a large one (a restored or migrated machine
 * begins to count anew) counting goes on from the last value. */
usec_t counter_update(Counter *counter, usec_t kernel_usec);
