/* SPDX-License-Identifier: MIT */
/* Devices of users. */

#include "e2ee/device.h"

#include "e2ee/message-check.h"
#include "e2ee/signing.h"

void device_done(Device *device)
{
        free(device->user_id);
        free(device->device_id);
        free(device->curve25519);
        free(device->ed25519);
        *device = DEVICE_NULL;
}

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
        int r = query_exists(e2ee->database,
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

        r = query_text(e2ee->database, &self_signing, "SELECT self_signing FROM identity WHERE user_id = ?",
                       "t", user_id);
        if (r > 0)
                r = json_verify(keys, user_id, NULL, self_signing);
        else if (r == 0)
                r = -ENOKEY;
        if (r < 0 && !is_refusal(r))
                return r;

        return query_run(
                e2ee->database,
                "INSERT INTO device(user_id, device_id, curve25519, ed25519, signed, first_seen_ms) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET signed = excluded.signed, "
                "deleted = 0",
                "ttttii", user_id, device_id, curve25519, ed25519, (int64_t) (r == 0), e2ee_now(e2ee));
}

int device_by_key(E2ee *e2ee, const char *user_id, const char *curve25519, Device *ret_device)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(device_done) Device device = DEVICE_NULL;

        int r = query(e2ee->database, &rows,
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
