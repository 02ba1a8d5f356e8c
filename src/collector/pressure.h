/* SPDX-License-Identifier: MIT */
#pragma once

/* Time lost waiting for a resource (PSI). */

#include "sample/sample.h"

/* Fills the `pressure_usec` of one resource ("cpu", "memory", "io") from its file in /proc/pressure; a scope
 * that a sample does not have (cpu's "full") is skipped. **Source**: Documentation/accounting/psi.rst;
 * totals in microseconds. Errors: -EBADMSG a scope is missing or truncated; its figure is then
 * left unchanged, and the other is filled. */
int pressure_parse(const char *text, const char *resource, SystemSample *sample);
