/* SPDX-License-Identifier: MIT */
#pragma once

/* Opens the chain that a command line names. */

#include "audit/reader.h"
#include "ctl/audit/ledger-chain.h"

#define LEDGER_PATH "/var/lib/devbox/ledger/ledger.db"

/* Rows of options that name a chain, of a struct with `db` and `device`. */
#define CHAIN_OPTIONS(options)                                                                              \
        { "db", &option_file, offsetof(options, db), "an exported chain, or a copy of ledger.db" },         \
        {                                                                                                   \
                "device", &option_name, offsetof(options, device), "the device whose chain it is"           \
        }

/* `device` as audit_reader_open() has it. A ledger's database that this user cannot open is read over D-Bus,
 * where this user may; then `ret_chain` (may be NULL) is the copy that the reader reads, which the caller
 * frees, else NULL. Returns 0, or a DevboxError with its detail, which the caller frees. Errors: -ENOMEM. */
int audit_open(const char *path, const char *device, AuditReader **ret_reader, LedgerChain **ret_chain,
               char **ret_problem);
