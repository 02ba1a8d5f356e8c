/* SPDX-License-Identifier: MIT */
#pragma once

/* Opens the chain that a command line names. */

#include "audit/reader.h"

#define LEDGER_PATH "/var/lib/devbox/ledger/ledger.db"

/* `device` as audit_reader_open() has it. Returns 0, or a DevboxError with its detail, which the caller
 * frees. Errors: -ENOMEM. */
int audit_open(const char *path, const char *device, AuditReader **ret_reader, char **ret_problem);
