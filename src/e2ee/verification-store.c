/* SPDX-License-Identifier: MIT */
/* Verification flows in the store. */

#include "e2ee/verification-internal.h"

#include "crypto/secretbox.h"

#define COLUMNS                                                                                             \
        "txn_id, user_id, device_id, room_id, state, start, we_started, commitment, secret, our_key, "      \
        "their_key, their_mac, code, created_ms"

void verification_clear(Verification *verification)
{
        char *texts[] = { verification->txn_id,  verification->user_id,   verification->device_id,
                          verification->room_id, verification->start,     verification->commitment,
                          verification->our_key, verification->their_key, verification->their_mac,
                          verification->code };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        secret_free(verification->secret);
        *verification = VERIFICATION_NULL;
}

static int read_row(E2ee *e2ee, const Statement *rows, Verification *ret_verification)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        const struct {
                int column;
                char **text;
        } texts[] = {
                { 0, &verification.txn_id },     { 1, &verification.user_id },
                { 2, &verification.device_id },  { 3, &verification.room_id },
                { 5, &verification.start },      { 7, &verification.commitment },
                { 9, &verification.our_key },    { 10, &verification.their_key },
                { 11, &verification.their_mac }, { 12, &verification.code },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *text = statement_text(rows, texts[i].column);

                *texts[i].text = text ? strdup(text) : NULL;
                if (text && !*texts[i].text)
                        return -ENOMEM;
        }
        verification.state = (VerificationState) statement_integer(rows, 4);
        verification.we_started = statement_integer(rows, 6) != 0;
        verification.created_ms = statement_integer(rows, 13);
        verification.id = statement_integer(rows, 14);
        if (statement_bytes(rows, 8).size > 0) {
                int r = pickle_error(
                        secretbox_open(e2ee->pickle_key, statement_bytes(rows, 8), &verification.secret));
                if (r < 0)
                        return r;
        }

        *ret_verification = TAKE(verification, VERIFICATION_NULL);
        return 1;
}

int verification_load(E2ee *e2ee, const char *txn_id, Verification *ret_verification)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows, "SELECT " COLUMNS ", id FROM verification WHERE txn_id = ?",
                      "t", txn_id);
        if (r == 0)
                r = statement_step(rows);
        return r <= 0 ? r : read_row(e2ee, rows, ret_verification);
}

int e2ee_next_verification(E2ee *e2ee, const char *after_txn_id, Verification *ret_verification)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT " COLUMNS ", id FROM verification WHERE txn_id > ? ORDER BY txn_id LIMIT 1",
                      "t", strempty(after_txn_id));
        if (r == 0)
                r = statement_step(rows);
        return r <= 0 ? r : read_row(e2ee, rows, ret_verification);
}

int verification_save(E2ee *e2ee, const Verification *verification)
{
        uint8_t sealed[64 + SECRETBOX_OVERHEAD];
        Bytes secret = verification->secret ? secret_bytes(verification->secret) : BYTES_NULL;

        if (secret.size > 0) {
                int r = secretbox_seal(e2ee->pickle_key, secret, sealed);
                if (r < 0)
                        return r;
                secret = BYTES(sealed, secret.size + SECRETBOX_OVERHEAD);
        }

        return query_run(
                e2ee->database,
                "INSERT INTO verification(" COLUMNS ") "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(txn_id) DO UPDATE SET "
                "device_id = excluded.device_id, state = excluded.state, start = excluded.start, "
                "we_started = excluded.we_started, commitment = excluded.commitment, "
                "secret = excluded.secret, our_key = excluded.our_key, "
                "their_key = excluded.their_key, their_mac = excluded.their_mac, "
                "code = excluded.code",
                "ttttititbtttti", verification->txn_id, verification->user_id, verification->device_id,
                verification->room_id, (int64_t) verification->state, verification->start,
                (int64_t) verification->we_started, verification->commitment, secret, verification->our_key,
                verification->their_key, verification->their_mac, verification->code,
                verification->created_ms);
}

int verification_on_sent(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        const char *txn_id = object_string(context, "verification");
        const char *event_id = object_string(response, "event_id");

        if (!txn_id || !event_id)
                return 0;
        return query_run(e2ee->database, "UPDATE OR IGNORE verification SET txn_id = ? WHERE txn_id = ?",
                         "tt", event_id, txn_id);
}

int e2ee_verification_forget(E2ee *e2ee, const char *txn_id)
{
        return query_run(e2ee->database, "DELETE FROM verification WHERE txn_id = ?", "t", txn_id);
}

int e2ee_verification_find(E2ee *e2ee, int64_t id, char **ret_txn_id)
{
        return query_text(e2ee->database, ret_txn_id, "SELECT txn_id FROM verification WHERE id = ?", "i",
                          id);
}
