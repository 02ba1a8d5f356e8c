/* SPDX-License-Identifier: MIT */
#pragma once

/* Which chain the options mean. */

#include "audit/reader.h"
#include "ctl/ctl.h"

/* --db, or the ledger of this machine. */
const char *audit_path(const Ctl *ctl);

/* Returns 0, or an exit status after it said what is wrong. Errors: -ENOMEM, of writing. */
int audit_open(const Ctl *ctl, const char *path, const char *device, AuditReader **ret_source);
