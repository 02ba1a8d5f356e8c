/* SPDX-License-Identifier: MIT */
#pragma once

/* Our errors as D-Bus errors, and back. */

#include <systemd/sd-bus.h>

#include "proto/error.h"

/* Fills a D-Bus error from what a function returned: a DevboxError (> 0) becomes its own name and sentence,
 * an errno (< 0) becomes InternalError without details. `detail` (may be NULL) follows the sentence. Returns
 * the negative errno that a vtable handler returns. */
int bus_error_set(sd_bus_error *ret_error, int reason, const char *detail);

/* What a failed call to one of our components means for a person: its own DevboxError if it sent one,
 * otherwise `unavailable` for one that is not there or was lost, `timeout` for one that did not answer in
 * time, ACCESS_DENIED when the bus refused the call. */
DevboxError bus_error_reason(const sd_bus_error *error, DevboxError unavailable, DevboxError timeout);
