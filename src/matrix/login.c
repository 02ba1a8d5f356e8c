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
        secret_free(login->refresh_token);
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

        int r = query(database, &rows,
                      "SELECT server, user_id, device_id, token, refresh_token, refresh_ms FROM login", "");
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
        if (r == 0)
                r = open_token(seal, statement_bytes(rows, 4), &login.refresh_token);
        if (r < 0)
                return r;
        login.refresh_ms = statement_integer(rows, 5);

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

/* Of an empty token nothing. */
static int seal_token(const Secret *seal, Bytes token, uint8_t **ret_box, Bytes *ret_bytes)
{
        uint8_t *box;

        *ret_bytes = BYTES_NULL;
        if (token.size == 0)
                return 0;
        box = malloc(token.size + SECRETBOX_OVERHEAD);
        if (!box)
                return -ENOMEM;
        *ret_box = box;
        *ret_bytes = BYTES(box, token.size + SECRETBOX_OVERHEAD);
        return secretbox_seal(seal, token, box);
}

int matrix_login_set_tokens(Database *database, const Secret *seal, const MatrixTokens *tokens)
{
        _cleanup_(freep) uint8_t *access_box = NULL, *refresh_box = NULL;
        Bytes access, refresh;

        int r = seal_token(seal, tokens->access, &access_box, &access);
        if (r == 0)
                r = seal_token(seal, tokens->refresh, &refresh_box, &refresh);
        return r < 0 ? r
                     : query_run(database, "UPDATE login SET token = ?, refresh_token = ?, refresh_ms = ?",
                                 "bbi", access, refresh, tokens->refresh_ms);
}
