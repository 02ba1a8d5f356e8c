/* SPDX-License-Identifier: MIT */
/* Why a ledger cannot be opened. */

#include "ledger/open-problem.h"

#include "basic/text.h"

#define DIRECTORY ""
#define IDENTITY  "/identity"
#define DATABASE  "/ledger.db"

static const char *const files[_LEDGER_PART_MAX] = {
        [LEDGER_PART_DIRECTORY] = DIRECTORY,
        [LEDGER_PART_IDENTITY] = IDENTITY,
        [LEDGER_PART_DATABASE] = DATABASE,
        [LEDGER_PART_CHAIN] = DATABASE,
};

/* clang-format off */
static const struct {
        LedgerPart part;
        int error; /* 0: any other */
        const char *fault;          /* NULL: strerror() */
        const char *command, *file; /* the remedy */
} rows[] = {
        { LEDGER_PART_DIRECTORY, -EBUSY,  "another process has it open", "fuser -v ", DATABASE },
        { LEDGER_PART_DIRECTORY, -ENOENT, NULL, "install -d -m 0700 -o devbox-ledger ", DIRECTORY },
        { LEDGER_PART_DIRECTORY, 0,       NULL, "chown -R devbox-ledger: ", DIRECTORY },

        { LEDGER_PART_IDENTITY, -EPERM,  "others may read or write it", "chmod 0600 ", IDENTITY },
        { LEDGER_PART_IDENTITY, -EACCES, "it belongs to another user", "chown devbox-ledger: ", IDENTITY },
        { LEDGER_PART_IDENTITY, -EINVAL, "it is not a key: restore it from a backup", "ls -l ", IDENTITY },
        { LEDGER_PART_IDENTITY, -ELOOP,  "it is a symbolic link", "ls -l ", IDENTITY },
        { LEDGER_PART_IDENTITY, 0,       NULL, "ls -l ", IDENTITY },

        { LEDGER_PART_DATABASE, -ENODATA,
          "it is missing or empty, but this device has a key: restore it from a backup, or enroll again "
          "after removing the key",
          "rm ", IDENTITY },
        { LEDGER_PART_DATABASE, -EACCES, "it belongs to another user", "chown -R devbox-ledger: ",
          DIRECTORY },
        { LEDGER_PART_DATABASE, -EROFS,  "it cannot be written", "chown -R devbox-ledger: ", DIRECTORY },
        { LEDGER_PART_DATABASE, -ELOOP,  "it is a symbolic link", "ls -l ", DATABASE },
        { LEDGER_PART_DATABASE, -ENOSPC, NULL, "df -h ", DIRECTORY },
        { LEDGER_PART_DATABASE, -EBADMSG, "it is damaged, or not the database of a ledger",
          "devboxctl audit verify ", DATABASE },
        { LEDGER_PART_DATABASE, -EPROTONOSUPPORT, "it was written by a newer version: install that",
          "devboxctl --version; ls -l ", DATABASE },
        { LEDGER_PART_DATABASE, 0, NULL, "ls -l ", DATABASE },

        { LEDGER_PART_CHAIN, -EUCLEAN, "its audit chain is not valid", "devboxctl audit verify ", DATABASE },
        { LEDGER_PART_CHAIN, 0,        NULL, "devboxctl audit verify ", DATABASE },
};
/* clang-format on */

int open_problem_format(LedgerPart part, int error, const char *directory, char **ret_problem)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        size_t i = 0;

        while (rows[i].part != part || (rows[i].error != error && rows[i].error != 0))
                i++;

        text_appendf(&text, "%s%s: %s; run: %s%s%s", directory, files[part],
                     rows[i].fault ? rows[i].fault : strerror(-error), rows[i].command, directory,
                     rows[i].file);
        return text_take(&text, ret_problem, NULL);
}
