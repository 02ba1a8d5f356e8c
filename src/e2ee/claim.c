/* SPDX-License-Identifier: MIT */
/* Claiming one-time keys. */

#include "e2ee/claim.h"

#include "e2ee/account.h"
#include "e2ee/channel.h"
#include "e2ee/device-list.h"
#include "e2ee/device.h"
#include "e2ee/message-check.h"
#include "e2ee/request.h"
#include "e2ee/signing.h"

#define CLAIM_DEVICES_MAX  250
#define RETRY_FIRST_MS     (60 * MS_PER_SECOND)
#define RETRY_DOUBLINGS    6
#define WEDGED_INTERVAL_MS MS_PER_HOUR

int claim_want(E2ee *e2ee, const char *user_id, const char *curve25519)
{
        return query_run(e2ee->database,
                         "INSERT INTO olm_peer(curve25519, user_id, claim) VALUES (?, ?, 1) "
                         "ON CONFLICT DO UPDATE SET claim = 1, user_id = excluded.user_id",
                         "tt", curve25519, user_id);
}

int claim_unwedge(E2ee *e2ee, const char *user_id, const char *curve25519)
{
        int r = curve25519_text_check(curve25519);
        if (r < 0)
                return is_refusal(r) ? 0 : r;

        r = device_list_mark_dirty_if_unknown(e2ee, user_id, curve25519);
        if (r < 0)
                return r;
        return query_run(e2ee->database,
                         "INSERT INTO olm_peer(curve25519, user_id, claim, dummy, unwedged_ms) "
                         "VALUES (?1, ?2, 1, 1, ?3) ON CONFLICT DO UPDATE SET claim = 1, dummy = 1, "
                         "user_id = excluded.user_id, unwedged_ms = ?3 "
                         "WHERE unwedged_ms IS NULL OR unwedged_ms <= ?3 - ?4",
                         "ttii", curve25519, user_id, e2ee_now(e2ee), WEDGED_INTERVAL_MS);
}

int claim_on_session(E2ee *e2ee, const char *curve25519)
{
        return query_run(e2ee->database,
                         "UPDATE olm_peer SET claim = dummy, failures = 0, retry_ms = 0, no_olm_sent = 0 "
                         "WHERE curve25519 = ?",
                         "t", curve25519);
}

int claim_plan(E2ee *e2ee)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(json_freep) cJSON *keys = cJSON_CreateObject(), *context = cJSON_CreateArray();
        cJSON *body = NULL;

        if (!keys || !context)
                return -ENOMEM;
        int r = request_is_pending(e2ee, E2EE_KEYS_CLAIM);
        if (r != 0)
                return MIN(r, 0);

        r = query(e2ee->database, &rows,
                  "SELECT user_id, device_id, curve25519 FROM olm_peer JOIN device "
                  "USING (curve25519, user_id) WHERE claim AND NOT deleted AND retry_ms <= ? LIMIT ?",
                  "ii", e2ee_now(e2ee), (int64_t) CLAIM_DEVICES_MAX);
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                cJSON *of_user = object_enter(keys, statement_text(rows, 0)), *row = NULL;

                r = of_user ? object_put_string(of_user, statement_text(rows, 1), "signed_curve25519")
                            : -ENOMEM;
                if (r == 0)
                        r = json_pack(&row, "{user:s,device:s,key:s}", statement_text(rows, 0),
                                      statement_text(rows, 1), statement_text(rows, 2));
                if (r == 0 && !cJSON_AddItemToArray(context, row))
                        r = -ENOMEM;
                if (r < 0)
                        return r;
        }
        if (r < 0 || !context->child)
                return r;

        r = json_pack(&body, "{timeout:i,one_time_keys:o}", INT64_C(10000), TAKE_PTR(keys));
        if (r < 0)
                return r;
        return request_add(e2ee, &(NewRequest){ E2EE_KEYS_CLAIM, NULL, body, TAKE_PTR(context) }, NULL);
}

/* Makes a session from a key that the device itself signed. Errors: -EBADMSG, -ENOKEY the key is not. */
static int begin_session(E2ee *e2ee, const Device *device, const cJSON *signed_key)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(ratchet_session_freep) RatchetSession *session = NULL;
        const char *key = object_string(signed_key, "key");

        if (!key)
                return -EBADMSG;
        int r = json_verify(signed_key, device->user_id, device->device_id, device->ed25519);
        if (r == 0)
                r = account_load(e2ee, &account);
        if (r == 0)
                r = ratchet_session_outbound(account, device->curve25519, key, &session);
        if (r == 0)
                r = channel_session_add(e2ee, session, device->curve25519);
        return r;
}

static int send_dummy(E2ee *e2ee, const Device *device)
{
        _cleanup_(json_freep) cJSON *empty = cJSON_CreateObject();
        cJSON *encrypted = NULL;

        if (!empty)
                return -ENOMEM;
        int r = channel_encrypt(e2ee, device, "m.dummy", empty, &encrypted);
        return r <= 0 ? r
                      : to_device_send(e2ee, "m.room.encrypted", device->user_id, device->device_id,
                                       encrypted);
}

/* A session with the device exists now. */
static int on_session(E2ee *e2ee, const Device *device)
{
        int64_t dummy = 0;

        int r = query_integer(e2ee->database, &dummy, "SELECT dummy FROM olm_peer WHERE curve25519 = ?", "t",
                              device->curve25519);
        if (r > 0 && dummy)
                r = send_dummy(e2ee, device);
        if (r < 0)
                return r;
        return query_run(e2ee->database,
                         "UPDATE olm_peer SET claim = 0, dummy = 0, failures = 0, retry_ms = 0, "
                         "no_olm_sent = 0 WHERE curve25519 = ?",
                         "t", device->curve25519);
}

/* No key for the device: back off, and send m.no_olm once until a session existed. */
static int on_no_key(E2ee *e2ee, const Device *device)
{
        cJSON *content = NULL;

        int r = query_run(e2ee->database,
                          "UPDATE olm_peer SET failures = failures + 1, "
                          "retry_ms = ?1 + (?2 << min(failures, ?3)) WHERE curve25519 = ?4",
                          "iiit", e2ee_now(e2ee), RETRY_FIRST_MS, (int64_t) RETRY_DOUBLINGS,
                          device->curve25519);
        if (r == 0)
                r = query_exists(e2ee->database,
                                 "SELECT 1 FROM olm_peer WHERE curve25519 = ? AND NOT no_olm_sent", "t",
                                 device->curve25519);
        if (r <= 0)
                return r;

        r = json_pack(&content, "{algorithm:s,sender_key:s,code:s,reason:s}", ALGORITHM_MEGOLM,
                      e2ee->curve25519, "m.no_olm", "Unable to establish a secure channel.");
        if (r == 0)
                r = to_device_send(e2ee, "m.room_key.withheld", device->user_id, device->device_id, content);
        if (r < 0)
                return r;
        return query_run(e2ee->database, "UPDATE olm_peer SET no_olm_sent = 1 WHERE curve25519 = ?", "t",
                         device->curve25519);
}

int claim_on_claimed(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        const cJSON *row;

        cJSON_ArrayForEach(row, context) {
                _cleanup_(device_done) Device device = DEVICE_NULL;
                const char *user_id = object_string(row, "user"), *key = object_string(row, "key");

                if (!user_id || !key)
                        return -EIO;
                int r = device_by_key(e2ee, user_id, key, &device);
                if (r == 0)
                        continue; /* deleted since */
                if (r < 0)
                        return r;

                const cJSON *keys = object_object(
                        object_object(object_object(response, "one_time_keys"), user_id), device.device_id);
                const cJSON *first = keys ? keys->child : NULL;
                r = first && startswith(first->string, "signed_curve25519:")
                            ? begin_session(e2ee, &device, first)
                            : -ENOKEY;
                if (r < 0 && !is_refusal(r))
                        return r;
                r = r == 0 ? on_session(e2ee, &device) : on_no_key(e2ee, &device);
                if (r < 0)
                        return r;
        }
        return 0;
}

int claim_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return claim_on_claimed(e2ee, context, NULL);
}
