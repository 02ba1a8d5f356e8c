/* SPDX-License-Identifier: MIT */
#pragma once

/* Why a ledger cannot be opened, for the journal: the file, what is wrong with it, and the command that
 * repairs it. */

typedef enum LedgerPart {
        LEDGER_PART_DIRECTORY,
        LEDGER_PART_IDENTITY,
        LEDGER_PART_DATABASE,
        LEDGER_PART_CHAIN,
        _LEDGER_PART_MAX,
} LedgerPart;

/* The caller frees the sentence; `error` is -errno. Errors: -ENOMEM. */
int open_problem_format(LedgerPart part, int error, const char *directory, char **ret_problem);
