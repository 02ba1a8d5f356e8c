/* SPDX-License-Identifier: MIT */
/* Detection of restored and copied stores. */

#include "e2ee/generation.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "basic/parse.h"
#include "e2ee/account.h"

/* 0: there is no file. Errors: -EBADMSG it holds no number. */
static int read_file(const char *path, uint64_t *ret_generation)
{
        _cleanup_(freep) char *text = NULL;

        int r = fd_read_file_at(AT_FDCWD, path, 64, &text, NULL);
        if (r == -ENOENT) {
                *ret_generation = 0;
                return 0;
        }
        if (r < 0)
                return r;

        text[strcspn(text, "\n")] = '\0';
        return parse_u64(text, 1, INT64_MAX, ret_generation) < 0 ? -EBADMSG : 0;
}

static int write_file(const char *path, uint64_t generation)
{
        char text[24];

        (void) snprintf(text, sizeof text, "%" PRIu64 "\n", generation);
        return file_write(path, FILE_REPLACE, 0600, bytes_of_string(text));
}

/* The store first, then the file: after a crash between the two the file is one behind. */
int e2ee_advance_generation(E2ee *e2ee, const char *path)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        int64_t in_store = 0;
        uint64_t in_file;

        int r = read_file(path, &in_file);
        if (r < 0)
                return r;
        r = transaction_begin(e2ee->database, &transaction);
        if (r == 0)
                r = query_integer(e2ee->database, &in_store, "SELECT generation FROM account", "");
        if (r < 0)
                return r;

        if (in_file != (uint64_t) in_store && in_file + 1 != (uint64_t) in_store) {
                r = fault_set(e2ee, E2EE_FAULT_ROLLED_BACK);
                return r < 0 ? r : transaction_commit(&transaction);
        }
        r = query_run(e2ee->database, "UPDATE account SET generation = ?", "i", in_store + 1);
        if (r == 0)
                r = transaction_commit(&transaction);
        return r < 0 ? r : write_file(path, (uint64_t) in_store + 1);
}
