/* SPDX-License-Identifier: MIT */
#pragma once

/* Entries of a chain for a person or as JSON. Nothing is verified. */

#include "audit/export.h"
#include "ctl/verb.h"

/* Replaces the content of `text` by one line. */
void audit_print_entry(const Ctl *ctl, const AuditEntry *entry, Text *text);

/* Reading ended with `next` after entry `seq`. Returns 0 at the end of the chain, or a DevboxError with
 * `ctl->problem`. Errors: `next`. */
int audit_print_end(Ctl *ctl, int next, uint64_t seq);
