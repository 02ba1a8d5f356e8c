/* SPDX-License-Identifier: MIT */
/* A counter of the kernel that must not decrease. */

#include "collector/counter.h"

/* Corrections of iowait are of a few ticks; the same limit as in Prometheus' node_exporter. */
#define STEP_BACK_MAX_USEC (3 * USEC_PER_SEC)

usec_t counter_update(Counter *counter, usec_t kernel_usec)
{
        usec_t value_usec = kernel_usec + counter->offset_usec;

        if (value_usec >= counter->value_usec)
                counter->value_usec = value_usec;
        else if (counter->value_usec - value_usec > STEP_BACK_MAX_USEC)
                counter->offset_usec = counter->value_usec - kernel_usec;

        return counter->value_usec;
}
