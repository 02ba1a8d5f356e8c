/* SPDX-License-Identifier: MIT */
#pragma once

/* Maps DevboxError to D-Bus errors and back. */

#include <systemd/sd-bus.h>

#include "proto/error.h"

/* Fills a D-Bus error from what a function returned: a DevboxError (> 0) becomes its own name and sentence,
 * an errno (< 0) becomes InternalError without details. `detail` (may be NULL) follows the sentence. Returns
 * the negative errno that a vtable handler returns. */
int bus_error_set(sd_bus_error *ret_error, int reason, const char *detail);

/* The reason of a failed call to a component: its own DevboxError if it replied with one, otherwise
 * `unavailable` without a callee or when it was lost, `timeout` after the deadline, ACCESS_DENIED when the
 * bus rejected the call. */
DevboxError bus_error_reason(const sd_bus_error *error, DevboxError unavailable, DevboxError timeout);
