/* SPDX-License-Identifier: MIT */
/* Since when we are in a room. */

#include "matrix/arrival.h"

#include "e2ee/json.h"
#include "store/query.h"

/* We are a member by it, and were not before: a new name is a member event, too. */
static bool is_arrival(const cJSON *event, const char *user_id)
{
        const cJSON *before = object_object(object_object(event, "unsigned"), "prev_content");

        return object_has(event, "type", "m.room.member") && object_has(event, "state_key", user_id) &&
               object_has(object_object(event, "content"), "membership", "join") &&
               !object_has(before, "membership", "join");
}

int arrival_note(Database *database, const char *user_id, const char *room_id, const cJSON *event)
{
        int64_t at_ms;

        if (!is_arrival(event, user_id) ||
            !object_integer(event, "origin_server_ts", 0, MATRIX_JSON_INTEGER, &at_ms))
                return 0;
        return query_run(database,
                         "INSERT INTO arrival(room_id, at_ms) VALUES (?, ?)"
                         " ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms",
                         "ti", room_id, at_ms);
}

int arrival_is_later(Database *database, const char *room_id, int64_t sent_ms)
{
        return query_exists(database, "SELECT 1 FROM arrival WHERE room_id = ? AND at_ms > ?", "ti", room_id,
                            sent_ms);
}
