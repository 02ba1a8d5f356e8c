/* SPDX-License-Identifier: MIT */
/* Following device lists. */

#include "e2ee/device-list.h"

#include "e2ee/account.h"
#include "e2ee/cross-signing.h"
#include "e2ee/identity.h"
#include "e2ee/message-check.h"
#include "e2ee/request.h"
#include "e2ee/signing.h"

#define QUERY_USERS_MAX 250
#define RETRY_FIRST_MS  (15 * MS_PER_SECOND)
#define RETRY_DOUBLINGS 8 /* then every hour or so */

int device_list_track(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->queries,
                         "INSERT INTO identity(user_id, tracked) VALUES (?, 1) ON CONFLICT DO UPDATE SET "
                         "tracked = 1, dirty = 1, generation = generation + 1, retry_ms = 0 "
                         "WHERE tracked = 0",
                         "t", user_id);
}

int device_list_mark_dirty(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->queries,
                         "UPDATE identity SET dirty = 1, generation = generation + 1, retry_ms = 0, "
                         "failures = 0 WHERE user_id = ? AND tracked",
                         "t", user_id);
}

int device_list_mark_dirty_if_unknown(E2ee *e2ee, const char *user_id, const char *curve25519)
{
        int64_t one;

        int r = query_integer(e2ee->queries, &one,
                              "SELECT 1 FROM device WHERE curve25519 = ? AND user_id = ? AND NOT deleted",
                              "tt", curve25519, user_id);
        return r != 0 ? MIN(r, 0) : device_list_mark_dirty(e2ee, user_id);
}

int device_list_receive(E2ee *e2ee, const cJSON *device_lists)
{
        const cJSON *user;

        cJSON_ArrayForEach(user, object_array(device_lists, "changed")) {
                int r = cJSON_IsString(user) ? device_list_mark_dirty(e2ee, user->valuestring) : 0;
                if (r < 0)
                        return r;
        }
        cJSON_ArrayForEach(user, object_array(device_lists, "left")) {
                if (!cJSON_IsString(user) || streq(user->valuestring, e2ee->user_id))
                        continue;
                int r = query_run(e2ee->queries, "UPDATE identity SET tracked = 0 WHERE user_id = ?", "t",
                                  user->valuestring);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- one device */

static const char *device_key(const cJSON *keys, const char *algorithm, const char *device_id)
{
        char key_id[KEY_ID_SIZE];

        if (key_id_format(algorithm, device_id, key_id) < 0)
                return NULL;
        return object_string(object_object(keys, "keys"), key_id);
}

bool device_keys_are(const cJSON *keys, const char *device_id, const char *curve25519, const char *ed25519)
{
        const char *curve = device_key(keys, "curve25519", device_id);
        const char *ed = device_key(keys, "ed25519", device_id);

        return curve && ed && streq(curve, curve25519) && streq(ed, ed25519);
}

int device_keys_check(const cJSON *keys, const char *user_id, const char *device_id)
{
        const char *curve25519 = device_key(keys, "curve25519", device_id);
        const char *ed25519 = device_key(keys, "ed25519", device_id);

        if (!curve25519 || !ed25519 || !object_has(keys, "user_id", user_id) ||
            !object_has(keys, "device_id", device_id))
                return -EBADMSG;

        int r = curve25519_text_check(curve25519);
        return r < 0 ? r : json_verify(keys, user_id, device_id, ed25519);
}

/* 1: the device may have these keys: the id is new or had the same, and is no cross-signing key. */
static int keys_are_allowed(E2ee *e2ee, const char *user_id, const char *device_id, const char *curve25519,
                            const char *ed25519)
{
        int64_t one;

        int r = query_integer(e2ee->queries, &one,
                              "SELECT 1 FROM device WHERE user_id = ?1 AND device_id = ?2 "
                              "AND (curve25519 <> ?3 OR ed25519 <> ?4) UNION ALL "
                              "SELECT 1 FROM identity WHERE user_id = ?1 AND ?2 IN (master, self_signing)",
                              "tttt", user_id, device_id, curve25519, ed25519);
        return r < 0 ? r : r == 0;
}

int device_receive(E2ee *e2ee, const char *user_id, const char *device_id, const cJSON *keys)
{
        _cleanup_(freep) char *self_signing = NULL;

        int r = device_keys_check(keys, user_id, device_id);
        if (r < 0)
                return is_refusal(r) ? 0 : r;

        const char *curve25519 = device_key(keys, "curve25519", device_id);
        const char *ed25519 = device_key(keys, "ed25519", device_id);
        r = keys_are_allowed(e2ee, user_id, device_id, curve25519, ed25519);
        if (r <= 0)
                return r;

        r = query_text(e2ee->queries, &self_signing, "SELECT self_signing FROM identity WHERE user_id = ?",
                       "t", user_id);
        if (r > 0)
                r = json_verify(keys, user_id, NULL, self_signing);
        else if (r == 0)
                r = -ENOKEY;
        if (r < 0 && !is_refusal(r))
                return r;

        return query_run(
                e2ee->queries,
                "INSERT INTO device(user_id, device_id, curve25519, ed25519, signed, first_seen_ms) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET signed = excluded.signed, "
                "deleted = 0",
                "ttttii", user_id, device_id, curve25519, ed25519, (int64_t) (r == 0), e2ee_now(e2ee));
}

void device_done(Device *device)
{
        free(device->user_id);
        free(device->device_id);
        free(device->curve25519);
        free(device->ed25519);
        *device = DEVICE_NULL;
}

int device_by_key(E2ee *e2ee, const char *user_id, const char *curve25519, Device *ret_device)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(device_done) Device device = DEVICE_NULL;

        int r = query(e2ee->queries, &rows,
                      "SELECT device_id, ed25519 FROM device "
                      "WHERE curve25519 = ? AND user_id = ? AND deleted = 0",
                      "tt", curve25519, user_id);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        device = (Device){ strdup(user_id), strdup(statement_text(rows, 0)), strdup(curve25519),
                           strdup(statement_text(rows, 1)) };
        if (!device.user_id || !device.device_id || !device.curve25519 || !device.ed25519)
                return -ENOMEM;

        *ret_device = TAKE(device, DEVICE_NULL);
        return 1;
}

/* ---- queries */

int device_list_plan(E2ee *e2ee)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(json_freep) cJSON *users = cJSON_CreateObject(), *generations = cJSON_CreateObject();
        cJSON *body = NULL;

        if (!users || !generations)
                return -ENOMEM;
        int r = request_is_pending(e2ee, E2EE_KEYS_QUERY);
        if (r != 0)
                return MIN(r, 0);

        r = query(
                e2ee->queries, &rows,
                "SELECT user_id, generation FROM identity WHERE tracked AND dirty AND retry_ms <= ? LIMIT ?",
                "ii", e2ee_now(e2ee), (int64_t) QUERY_USERS_MAX);
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                const char *user_id = statement_text(rows, 0);

                r = object_put(users, user_id, cJSON_CreateArray());
                if (r == 0)
                        r = object_put(generations, user_id,
                                       cJSON_CreateNumber((double) statement_integer(rows, 1)));
                if (r < 0)
                        return r;
        }
        if (r < 0 || !users->child)
                return r;

        r = json_pack(&body, "{timeout:i,device_keys:o}", INT64_C(10000), TAKE_PTR(users));
        if (r < 0)
                return r;
        return request_add(e2ee, &(NewRequest){ E2EE_KEYS_QUERY, NULL, body, TAKE_PTR(generations) }, NULL);
}

/* The keys of our own device as the server shows them to others. */
static int check_own_device(E2ee *e2ee, const cJSON *devices)
{
        const cJSON *keys = object_object(devices, e2ee->device_id);
        int64_t uploaded = 0;

        int r = query_integer(e2ee->queries, &uploaded, "SELECT uploaded FROM account", "");
        if (r < 0)
                return r;
        if (!keys)
                return uploaded ? fault_set(e2ee, E2EE_FAULT_DEVICE_DELETED) : 0;
        if (!device_keys_are(keys, e2ee->device_id, e2ee->curve25519, e2ee->ed25519))
                return fault_set(e2ee, E2EE_FAULT_DEVICE_REPLACED);
        return cross_signing_check(e2ee);
}

/* Devices that the answer does not have are gone; their keys stay known, so that none can come back with
 * others. */
static int receive_user(E2ee *e2ee, const char *user_id, const cJSON *response)
{
        const cJSON *devices = object_object(object_object(response, "device_keys"), user_id), *device;

        int r = identity_receive(e2ee, user_id,
                                 object_object(object_object(response, "master_keys"), user_id),
                                 object_object(object_object(response, "self_signing_keys"), user_id));
        if (r == 0)
                r = query_run(e2ee->queries, "UPDATE device SET deleted = 1 WHERE user_id = ?", "t",
                              user_id);
        if (r < 0)
                return r;

        cJSON_ArrayForEach(device, devices) {
                r = device_receive(e2ee, user_id, device->string, device);
                if (r < 0)
                        return r;
        }
        return streq(user_id, e2ee->user_id) ? check_own_device(e2ee, devices) : 0;
}

static int postpone(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->queries,
                         "UPDATE identity SET failures = failures + 1, "
                         "retry_ms = ?1 + (?2 << min(failures, ?3)) WHERE user_id = ?4",
                         "iiit", e2ee_now(e2ee), RETRY_FIRST_MS, (int64_t) RETRY_DOUBLINGS, user_id);
}

/* Whether the server that has the user could not be asked. */
static bool server_failed(const cJSON *response, const char *user_id)
{
        const char *server = strchr(user_id, ':');

        return server && object_get(object_object(response, "failures"), server + 1);
}

int device_list_on_queried(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        const cJSON *user;

        cJSON_ArrayForEach(user, context) {
                bool known = object_object(object_object(response, "device_keys"), user->string);

                if (!response || (!known && server_failed(response, user->string))) {
                        int r = postpone(e2ee, user->string);
                        if (r < 0)
                                return r;
                        continue;
                }

                int r = query_run(e2ee->queries,
                                  "UPDATE identity SET dirty = 0, failures = 0 "
                                  "WHERE user_id = ? AND generation = ?",
                                  "ti", user->string, (int64_t) user->valuedouble);
                if (r == 0)
                        r = receive_user(e2ee, user->string, response);
                if (r < 0)
                        return r;
        }
        return 0;
}

int device_list_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return device_list_on_queried(e2ee, context, NULL);
}
