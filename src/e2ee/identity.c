/* SPDX-License-Identifier: MIT */
/* The cross-signing identities of other users. */

#include "e2ee/identity.h"

#include "e2ee/device-list.h"
#include "e2ee/message-check.h"
#include "e2ee/signing.h"

const char *device_trust_to_string(DeviceTrust trust)
{
        static const char *const names[_DEVICE_TRUST_MAX] = {
                [DEVICE_TRUST_UNKNOWN] = "unknown",   [DEVICE_TRUST_CHANGED] = "changed",
                [DEVICE_TRUST_UNSIGNED] = "unsigned", [DEVICE_TRUST_SIGNED] = "signed",
                [DEVICE_TRUST_PINNED] = "pinned",
        };

        assert(trust >= 0 && trust < _DEVICE_TRUST_MAX);
        return names[trust];
}

const char *identity_key(const cJSON *object, const char *user_id, const char *usage)
{
        const cJSON *key = object_object(object, "keys") ? object_object(object, "keys")->child : NULL,
                    *item;
        bool for_usage = false;
        PublicKey parsed;

        cJSON_ArrayForEach(item, object_array(object, "usage"))
                for_usage |= cJSON_IsString(item) && streq(item->valuestring, usage);
        if (!for_usage || !object_has(object, "user_id", user_id) || !key || key->next ||
            !cJSON_IsString(key) || !startswith(key->string, "ed25519:") ||
            !streq(key->string + strlen("ed25519:"), key->valuestring))
                return NULL;

        return ed25519_text_parse(key->valuestring, &parsed) == 0 ? key->valuestring : NULL;
}

int identity_receive(E2ee *e2ee, const char *user_id, const cJSON *master, const cJSON *self_signing)
{
        const char *master_key = identity_key(master, user_id, "master"), *self_key = NULL;
        _cleanup_(freep) char *master_json = NULL;

        if (master_key) {
                int r = canonical_json(master, false, &master_json);
                if (r == -EBADMSG)
                        master_key = NULL;
                else if (r < 0)
                        return r;
        }
        if (master_key)
                self_key = identity_key(self_signing, user_id, "self_signing");
        if (self_key) {
                int r = json_verify(self_signing, user_id, NULL, master_key);
                if (is_refusal(r))
                        self_key = NULL;
                else if (r < 0)
                        return r;
        }

        return query_run(e2ee->database,
                         "UPDATE identity SET master = ?, master_json = ?, self_signing = ? "
                         "WHERE user_id = ?",
                         "tttt", master_key, master_json, self_key, user_id);
}

int e2ee_device_trust(E2ee *e2ee, const char *user_id, const char *curve25519, DeviceTrust *ret_trust)
{
        int64_t trust = DEVICE_TRUST_UNKNOWN;

        int r = query_integer(e2ee->database, &trust,
                              "SELECT CASE WHEN pinned NOT NULL AND pinned IS NOT master THEN ?3 "
                              "WHEN NOT signed THEN ?4 WHEN pinned IS NULL THEN ?5 ELSE ?6 END "
                              "FROM device JOIN identity USING (user_id) "
                              "WHERE curve25519 = ?1 AND user_id = ?2 AND deleted = 0",
                              "ttiiii", curve25519, user_id, (int64_t) DEVICE_TRUST_CHANGED,
                              (int64_t) DEVICE_TRUST_UNSIGNED, (int64_t) DEVICE_TRUST_SIGNED,
                              (int64_t) DEVICE_TRUST_PINNED);
        if (r < 0)
                return r;

        *ret_trust = (DeviceTrust) trust;
        return 0;
}

int e2ee_pin_identity(E2ee *e2ee, const char *user_id, const char *master)
{
        PublicKey key;

        int r = master ? ed25519_text_parse(master, &key) : 0;
        if (r == 0 && master)
                r = device_list_track(e2ee, user_id);
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE identity SET pinned = ? WHERE user_id = ?", "tt",
                              master, user_id);
        return r < 0 ? r : e2ee_plan(e2ee);
}

int e2ee_identity(E2ee *e2ee, const char *user_id, char **ret_master)
{
        return query_text(e2ee->database, ret_master, "SELECT master FROM identity WHERE user_id = ?", "t",
                          user_id);
}

int e2ee_identity_is_pinned(E2ee *e2ee, const char *user_id)
{
        return query_exists(e2ee->database, "SELECT 1 FROM identity WHERE user_id = ? AND pinned = master",
                            "t", user_id);
}
