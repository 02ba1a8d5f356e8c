/* SPDX-License-Identifier: MIT */
#pragma once

/* Time lost waiting for a resource (PSI). */

#include "sample/sample.h"

/* Fills the `pressure_usec` of one resource ("cpu", "memory", "io") from its file in /proc/pressure; a scope
 * that a sample does not hold (cpu's "full") is passed over. **Source**: Documentation/accounting/psi.rst;
 * totals in microseconds. Errors: -EBADMSG a scope that a sample holds is missing or cut off. */
int pressure_parse(const char *text, const char *resource, SystemSample *sample);
