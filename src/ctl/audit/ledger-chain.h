/* SPDX-License-Identifier: MIT */
#pragma once

/* The chain of this machine's ledger, copied over D-Bus into an unnamed file in the form of audit/export.h:
 * what reads exported files reads it, also while it grows. Functions return 0, or a DevboxError with its
 * detail, which the caller frees. Errors: -ENOMEM, those of writing the file. */

#include "audit/export.h"

typedef struct LedgerChain LedgerChain;

/* Copies the whole chain. DEVBOX_ERROR_NOT_ENROLLED: there is none. */
int ledger_chain_open(LedgerChain **ret_chain, char **ret_problem);
LedgerChain *ledger_chain_free(LedgerChain *chain);
DEFINE_CLEANUP(LedgerChain, ledger_chain_free);

/* Appends the entries that were added since. */
int ledger_chain_update(LedgerChain *chain, char **ret_problem);

/* The path of the file, as long as the chain is open. */
const char *ledger_chain_path(const LedgerChain *chain);

/* The name of the device. */
const char *ledger_chain_device(const LedgerChain *chain);
