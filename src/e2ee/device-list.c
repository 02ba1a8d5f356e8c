/* SPDX-License-Identifier: MIT */
/* Following device lists. */

#include "e2ee/device-list.h"

int device_list_track(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->database,
                         "INSERT INTO identity(user_id, tracked) VALUES (?, 1) ON CONFLICT DO UPDATE SET "
                         "tracked = 1, dirty = 1, generation = generation + 1, retry_ms = 0 "
                         "WHERE tracked = 0",
                         "t", user_id);
}

int device_list_mark_dirty(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->database,
                         "UPDATE identity SET dirty = 1, generation = generation + 1, retry_ms = 0, "
                         "failures = 0 WHERE user_id = ? AND tracked",
                         "t", user_id);
}

int device_list_mark_dirty_if_unknown(E2ee *e2ee, const char *user_id, const char *curve25519)
{
        int r = query_exists(e2ee->database,
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
                int r = query_run(e2ee->database, "UPDATE identity SET tracked = 0 WHERE user_id = ?", "t",
                                  user->valuestring);
                if (r < 0)
                        return r;
        }
        return 0;
}
