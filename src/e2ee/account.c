/* SPDX-License-Identifier: MIT */
/* The device's own keys and their upload. */

#include "e2ee/account.h"

#include "e2ee/cross-signing-keys.h"
#include "e2ee/request.h"
#include "e2ee/signing.h"

#define ONE_TIME_KEYS_TARGET  50
#define FALLBACK_LIFETIME_MS  (7 * 24 * MS_PER_HOUR)
#define FALLBACK_OLD_GRACE_MS MS_PER_HOUR /* messages that still use the replaced one are on their way */

int account_load(E2ee *e2ee, RatchetAccount **ret_account)
{
        _cleanup_(freep) char *pickle = NULL;

        int r = query_text(e2ee->database, &pickle, "SELECT pickle FROM account", "");
        if (r <= 0)
                return r < 0 ? r : -EIO;

        return pickle_error(ratchet_account_load(e2ee->pickle_key, pickle, ret_account));
}

int account_save(E2ee *e2ee, RatchetAccount *account)
{
        _cleanup_(freep) char *pickle = NULL;

        int r = ratchet_account_save(account, e2ee->pickle_key, &pickle);
        if (r < 0)
                return r;

        return query_run(e2ee->database, "UPDATE account SET pickle = ?", "t", pickle);
}

static int account_create(E2ee *e2ee, const char *user_id, const char *device_id)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(freep) char *pickle = NULL;

        int r = ratchet_account_new(&account);
        if (r == 0)
                r = ratchet_account_save(account, e2ee->pickle_key, &pickle);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "INSERT INTO account(id, user_id, device_id, pickle) VALUES (1, ?, ?, ?)", "ttt",
                         user_id, device_id, pickle);
}

int account_open(E2ee *e2ee, const char *user_id, const char *device_id)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;

        int r = query_text(e2ee->database, &e2ee->user_id, "SELECT user_id FROM account", "");
        if (r == 0) {
                r = account_create(e2ee, user_id, device_id);
                if (r == 0)
                        r = query_text(e2ee->database, &e2ee->user_id, "SELECT user_id FROM account", "");
        }
        if (r >= 0)
                r = query_text(e2ee->database, &e2ee->device_id, "SELECT device_id FROM account", "");
        if (r < 0)
                return r;
        if (!streq(e2ee->user_id, user_id) || !streq(e2ee->device_id, device_id))
                return -EXDEV;

        r = account_load(e2ee, &account);
        if (r < 0)
                return r == -EIO ? -EKEYREJECTED : r;
        return ratchet_account_identity(account, e2ee->curve25519, e2ee->ed25519);
}

static int make_device_keys(E2ee *e2ee, cJSON **ret_keys)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(json_freep) cJSON *keys = NULL;
        char curve_id[KEY_ID_SIZE], ed_id[KEY_ID_SIZE];

        int r = account_load(e2ee, &account);
        if (r == 0)
                r = key_id_format("curve25519", e2ee->device_id, curve_id);
        if (r == 0)
                r = key_id_format("ed25519", e2ee->device_id, ed_id);
        if (r == 0)
                r = json_pack(&keys, "{user_id:s,device_id:s,algorithms:[s,s],keys:{*:s,*:s}}",
                              e2ee->user_id, e2ee->device_id, ALGORITHM_OLM, ALGORITHM_MEGOLM, curve_id,
                              e2ee->curve25519, ed_id, e2ee->ed25519);
        if (r == 0)
                r = json_sign_by_account(keys, e2ee->user_id, e2ee->device_id, account);
        if (r == 0)
                r = cross_signing_sign_device(e2ee, keys);
        if (r < 0)
                return r;

        *ret_keys = TAKE_PTR(keys);
        return 0;
}

int account_device_keys(E2ee *e2ee, cJSON **ret_keys)
{
        _cleanup_(json_freep) cJSON *keys = NULL;

        if (e2ee->device_keys)
                return pickle_error(
                        matrix_json_parse(bytes_of_string(e2ee->device_keys), SIZE_MAX, ret_keys));

        int r = make_device_keys(e2ee, &keys);
        if (r < 0)
                return r;
        r = e2ee_is_ready(e2ee);
        if (r > 0)
                r = canonical_json(keys, false, &e2ee->device_keys);
        if (r < 0)
                return r;

        *ret_keys = TAKE_PTR(keys);
        return 0;
}

int account_receive_counts(E2ee *e2ee, const cJSON *sync)
{
        const cJSON *types = object_array(sync, "device_unused_fallback_key_types"), *type;
        bool fallback_unused = !types; /* a server without this field does not have the feature */
        int64_t count = 0;

        (void) object_integer(object_object(sync, "device_one_time_keys_count"), "signed_curve25519", 0,
                              INT32_MAX, &count);
        cJSON_ArrayForEach(type, types)
                fallback_unused |= cJSON_IsString(type) && streq(type->valuestring, "signed_curve25519");

        return query_run(e2ee->database,
                         "UPDATE account SET one_time_keys = ?1, fallback_created_ms = "
                         "CASE WHEN ?2 THEN fallback_created_ms END",
                         "ii", count, (int64_t) fallback_unused);
}

/* ---- upload */

/* Adds the keys of libolm's JSON, signed, under their ids. Returns how many. */
static int add_signed_keys(E2ee *e2ee, RatchetAccount *account, const char *json, bool fallback, cJSON *to)
{
        _cleanup_(json_freep) cJSON *keys = NULL;
        const cJSON *key;
        int n_keys = 0;

        int r = pickle_error(matrix_json_parse(bytes_of_string(json), SIZE_MAX, &keys));
        if (r < 0)
                return r;

        cJSON_ArrayForEach(key, object_object(keys, "curve25519")) {
                _cleanup_(json_freep) cJSON *signed_key = NULL;
                char id[KEY_ID_SIZE];

                r = json_pack(&signed_key, "{key:s}", key->valuestring);
                if (r == 0 && fallback)
                        r = object_put(signed_key, "fallback", cJSON_CreateTrue());
                if (r == 0)
                        r = json_sign_by_account(signed_key, e2ee->user_id, e2ee->device_id, account);
                if (r == 0)
                        r = key_id_format("signed_curve25519", key->string, id);
                if (r == 0)
                        r = object_put(to, id, TAKE_PTR(signed_key));
                if (r < 0)
                        return r;
                n_keys++;
        }

        return n_keys;
}

/* The keys that libolm has not seen published, in the form of the request. Returns how many. */
static int unpublished_keys(E2ee *e2ee, RatchetAccount *account, cJSON **ret_one_time, cJSON **ret_fallback)
{
        _cleanup_(freep) char *one_time_json = NULL, *fallback_json = NULL;
        _cleanup_(json_freep) cJSON *one_time = cJSON_CreateObject(), *fallback = cJSON_CreateObject();

        if (!one_time || !fallback)
                return -ENOMEM;

        int n_one_time = ratchet_account_one_time_keys(account, &one_time_json);
        if (n_one_time == 0)
                n_one_time = add_signed_keys(e2ee, account, one_time_json, false, one_time);
        if (n_one_time < 0)
                return n_one_time;
        int n_fallback = ratchet_account_fallback_key(account, &fallback_json);
        if (n_fallback == 0)
                n_fallback = add_signed_keys(e2ee, account, fallback_json, true, fallback);
        if (n_fallback < 0)
                return n_fallback;

        *ret_one_time = TAKE_PTR(one_time);
        *ret_fallback = TAKE_PTR(fallback);
        return n_one_time + n_fallback;
}

typedef struct AccountRow {
        bool uploaded;
        int64_t one_time_keys, fallback_created_ms, fallback_replaced_ms; /* 0: never */
        E2eeFault fault;
} AccountRow;

static int read_row(E2ee *e2ee, AccountRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT uploaded, one_time_keys, fallback_created_ms, fallback_replaced_ms, fault "
                      "FROM account",
                      "");
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r < 0 ? r : -EIO;

        *ret_row = (AccountRow){ statement_integer(rows, 0) != 0, statement_integer(rows, 1),
                                 statement_integer(rows, 2), statement_integer(rows, 3),
                                 (E2eeFault) statement_integer(rows, 4) };
        return 0;
}

/* When the server reported the fallback key as used, or a week after it was made. */
static bool is_fallback_due(const AccountRow *row, int64_t now)
{
        return row->fallback_created_ms == 0 || now >= row->fallback_created_ms + FALLBACK_LIFETIME_MS;
}

static bool is_old_fallback_over(const AccountRow *row, int64_t now)
{
        return row->fallback_replaced_ms > 0 && now >= row->fallback_replaced_ms + FALLBACK_OLD_GRACE_MS;
}

/* libolm keeps the previous key until olm_account_forget_old_fallback_key(). */
static int renew_fallback_key(E2ee *e2ee, RatchetAccount *account, const AccountRow *row)
{
        int64_t now = e2ee_now(e2ee);

        if (is_old_fallback_over(row, now)) {
                ratchet_account_forget_old_fallback_key(account);
                int r = query_run(e2ee->database, "UPDATE account SET fallback_replaced_ms = NULL", "");
                if (r < 0)
                        return r;
        }
        if (!is_fallback_due(row, now))
                return 0;

        int r = ratchet_account_generate_fallback_key(account);
        if (r < 0)
                return r;
        return query_run(e2ee->database,
                         "UPDATE account SET fallback_created_ms = ?1,"
                         " fallback_replaced_ms = CASE WHEN uploaded THEN ?1 END",
                         "i", now);
}

static int add_upload(E2ee *e2ee, cJSON *one_time, cJSON *fallback, bool with_device)
{
        cJSON *device_keys = NULL, *body = NULL;

        int r = with_device ? account_device_keys(e2ee, &device_keys) : 0;
        if (r < 0) {
                cJSON_Delete(one_time);
                cJSON_Delete(fallback);
                return r;
        }

        r = json_pack(&body, "{device_keys:o,one_time_keys:o,fallback_keys:o}", device_keys, one_time,
                      fallback);
        return r < 0 ? r : request_add(e2ee, &(NewRequest){ E2EE_KEYS_UPLOAD, NULL, body, NULL }, NULL);
}

int account_plan(E2ee *e2ee)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(json_freep) cJSON *one_time = NULL, *fallback = NULL;
        AccountRow row;

        int r = request_is_pending(e2ee, E2EE_KEYS_UPLOAD);
        if (r != 0)
                return r < 0 ? r : 0;
        r = read_row(e2ee, &row);
        if (r < 0 || row.fault != E2EE_FAULT_NONE)
                return r;
        int64_t now = e2ee_now(e2ee);
        if (row.uploaded && row.one_time_keys >= ONE_TIME_KEYS_TARGET && !is_fallback_due(&row, now) &&
            !is_old_fallback_over(&row, now))
                return 0;

        r = account_load(e2ee, &account);
        if (r == 0)
                r = renew_fallback_key(e2ee, account, &row);
        if (r == 0 && row.one_time_keys < ONE_TIME_KEYS_TARGET)
                r = ratchet_account_generate_one_time_keys(
                        account, (size_t) (ONE_TIME_KEYS_TARGET - row.one_time_keys));
        if (r == 0)
                r = account_save(e2ee, account);
        if (r == 0)
                r = unpublished_keys(e2ee, account, &one_time, &fallback);
        if (r < 0 || (r == 0 && row.uploaded))
                return r;

        return add_upload(e2ee, TAKE_PTR(one_time), TAKE_PTR(fallback), !row.uploaded);
}

int account_on_uploaded(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        int64_t count = ONE_TIME_KEYS_TARGET;

        (void) object_integer(object_object(response, "one_time_key_counts"), "signed_curve25519", 0,
                              INT32_MAX, &count);
        int r = account_load(e2ee, &account);
        if (r < 0)
                return r;

        ratchet_account_mark_published(account);
        r = account_save(e2ee, account);
        if (r < 0)
                return r;
        return query_run(e2ee->database, "UPDATE account SET uploaded = 1, one_time_keys = ?", "i", count);
}

int account_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        const char *message = object_string(response, "error");

        /* Synapse has no error code of its own for it. */
        if (message && strstr(message, "already exists"))
                return fault_set(e2ee, E2EE_FAULT_ROLLED_BACK);
        return 0;
}

int fault_set(E2ee *e2ee, E2eeFault fault)
{
        return query_run(e2ee->database, "UPDATE account SET fault = ? WHERE fault = 0", "i",
                         (int64_t) fault);
}
