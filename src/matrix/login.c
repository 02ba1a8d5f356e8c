/* SPDX-License-Identifier: MIT */
/* The account that the store is of. */

#include "matrix/login.h"

#include "crypto/secretbox.h"
#include "store/query.h"

void matrix_login_done(MatrixLogin *login)
{
        free(login->server);
        free(login->user_id);
        free(login->device_id);
        secret_free(login->token);
        *login = MATRIX_LOGIN_NULL;
}

static int open_token(const Secret *seal, Bytes box, Secret **ret_token)
{
        if (box.size == 0)
                return 0;

        int r = secretbox_open(seal, box, ret_token);
        return r == -EBADMSG ? -EKEYREJECTED : r;
}

int matrix_login_read(Database *database, const Secret *seal, MatrixLogin *ret_login)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(matrix_login_done) MatrixLogin login = MATRIX_LOGIN_NULL;

        int r = query(database, &rows, "SELECT server, user_id, device_id, token FROM login", "");
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        char **const texts[] = { &login.server, &login.user_id, &login.device_id };
        r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(rows, (int) i, texts[i]);
        if (r == 0)
                r = open_token(seal, statement_bytes(rows, 3), &login.token);
        if (r < 0)
                return r;

        *ret_login = TAKE(login, MATRIX_LOGIN_NULL);
        return 1;
}

int matrix_login_begin(Database *database, const char *server, const char *user_id)
{
        int r = query_exists(database,
                             "SELECT 1 FROM login WHERE user_id != ?"
                             " AND (token NOT NULL OR EXISTS (SELECT 1 FROM account))",
                             "t", user_id);
        if (r != 0)
                return r < 0 ? r : -EXDEV;

        return query_run(database,
                         "INSERT INTO login(id, server, user_id, device_id)"
                         " VALUES (1, ?, ?, 'DEVBOX' || hex(randomblob(5)))"
                         " ON CONFLICT(id) DO UPDATE SET server = excluded.server,"
                         " user_id = excluded.user_id",
                         "tt", server, user_id);
}

int matrix_login_set_device(Database *database, const char *device_id)
{
        int r = query_exists(database, "SELECT 1 FROM account WHERE device_id != ?", "t", device_id);
        if (r != 0)
                return r < 0 ? r : -EXDEV;

        return query_run(database, "UPDATE login SET device_id = ?", "t", device_id);
}

int matrix_login_set_token(Database *database, const Secret *seal, const char *token)
{
        Bytes plain = bytes_of_string(token);
        _cleanup_(freep) uint8_t *box = malloc(plain.size + SECRETBOX_OVERHEAD);

        if (!box)
                return -ENOMEM;
        int r = secretbox_seal(seal, plain, box);
        return r < 0 ? r
                     : query_run(database, "UPDATE login SET token = ?", "b",
                                 BYTES(box, plain.size + SECRETBOX_OVERHEAD));
}
