/* SPDX-License-Identifier: MIT */
/* Rooms and their members. */

#include "e2ee/room.h"

#include "e2ee/device-list.h"
#include "e2ee/quarantine.h"

/* A room may not ask for a new key with every message, nor for none in a year. */
#define ROTATION_MS_MIN       MS_PER_HOUR
#define ROTATION_MS_MAX       (30 * 24 * MS_PER_HOUR)
#define ROTATION_MS_DEFAULT   (7 * 24 * MS_PER_HOUR)
#define ROTATION_MESSAGES_MAX 10000
#define ROTATION_MESSAGES     100

static int room_add(E2ee *e2ee, const char *room_id)
{
        return query_run(e2ee->database, "INSERT OR IGNORE INTO room(room_id) VALUES (?)", "t", room_id);
}

int room_rotate(E2ee *e2ee, const char *room_id)
{
        return query_run(e2ee->database, "UPDATE room SET rotate = 1 WHERE room_id = ?", "t", room_id);
}

static int64_t clamped(const cJSON *content, const char *key, int64_t otherwise, int64_t min, int64_t max)
{
        int64_t value = otherwise;

        (void) object_integer(content, key, 0, MATRIX_JSON_INTEGER, &value);
        return MAX(min, MIN(value, max));
}

/* Follows the lists of those that were there before the room was encrypted. */
static int track_members(E2ee *e2ee, const char *room_id)
{
        return query_run(e2ee->database,
                         "INSERT INTO identity(user_id, tracked) SELECT user_id, 1 FROM member "
                         "WHERE room_id = ? AND membership IN ('join', 'invite') ON CONFLICT DO UPDATE SET "
                         "tracked = 1, dirty = 1, generation = generation + 1, retry_ms = 0 "
                         "WHERE tracked = 0",
                         "t", room_id);
}

static int receive_encryption(E2ee *e2ee, const char *room_id, const cJSON *content)
{
        int r = query_run(
                e2ee->database,
                "UPDATE room SET encrypted = 1, rotation_ms = ?, rotation_messages = ? "
                "WHERE room_id = ?",
                "iit",
                clamped(content, "rotation_period_ms", ROTATION_MS_DEFAULT, ROTATION_MS_MIN,
                        ROTATION_MS_MAX),
                clamped(content, "rotation_period_msgs", ROTATION_MESSAGES, 1, ROTATION_MESSAGES_MAX),
                room_id);
        return r < 0 ? r : track_members(e2ee, room_id);
}

/* A key that was made while newcomers could read history must not go on when they no longer can, and the
 * other way round. */
static int receive_visibility(E2ee *e2ee, const char *room_id, const cJSON *content)
{
        const char *visibility = object_string(content, "history_visibility");

        if (!visibility)
                return 0;
        return query_run(e2ee->database,
                         "UPDATE room SET rotate = rotate OR (history_visibility NOT NULL AND "
                         "(history_visibility IN ('shared', 'world_readable')) <> "
                         "(?1 IN ('shared', 'world_readable'))), history_visibility = ?1 WHERE room_id = ?2",
                         "tt", visibility, room_id);
}

static int receive_member(E2ee *e2ee, const char *room_id, const char *user_id, const cJSON *content)
{
        const char *membership = object_string(content, "membership");

        if (!membership)
                return 0;
        bool present = streq(membership, "join") || streq(membership, "invite");

        int r = query_exists(e2ee->database,
                             "SELECT 1 FROM member WHERE room_id = ? AND user_id = ? "
                             "AND membership IN ('join', 'invite')",
                             "tt", room_id, user_id);
        if (r > 0 && !present)
                r = room_rotate(e2ee, room_id);
        if (r < 0)
                return r;
        r = query_run(e2ee->database,
                      "INSERT INTO member(room_id, user_id, membership) VALUES (?, ?, ?) "
                      "ON CONFLICT DO UPDATE SET membership = excluded.membership",
                      "ttt", room_id, user_id, membership);
        if (r < 0 || !present)
                return r;

        r = query_exists(e2ee->database, "SELECT 1 FROM room WHERE room_id = ? AND encrypted", "t", room_id);
        return r <= 0 ? r : device_list_track(e2ee, user_id);
}

int room_receive_state(E2ee *e2ee, const char *room_id, const cJSON *event)
{
        const char *type = object_string(event, "type"), *state_key = object_string(event, "state_key");
        const cJSON *content = object_object(event, "content");

        if (!type || !state_key || !content)
                return 0;
        if (streq(type, "m.room.member"))
                return receive_member(e2ee, room_id, state_key, content);
        if (*state_key != '\0')
                return 0;
        if (streq(type, "m.room.encryption"))
                return receive_encryption(e2ee, room_id, content);
        if (streq(type, "m.room.history_visibility"))
                return receive_visibility(e2ee, room_id, content);
        return 0;
}

typedef struct Section {
        E2ee *e2ee;
        bool after_gap;
} Section;

static int on_state(const E2eeGuarded *guarded, void *userdata)
{
        const Section *section = userdata;

        int r = room_receive_state(section->e2ee, guarded->room_id, guarded->event);
        return r == 0 && section->after_gap && object_has(guarded->event, "type", "m.room.member")
                       ? room_rotate(section->e2ee, guarded->room_id)
                       : r;
}

static int receive_events(E2ee *e2ee, const char *room_id, const cJSON *section, bool after_gap)
{
        const E2eeGuarded events = { "room-state", room_id, object_array(section, "events"), "state_key" };

        return e2ee_guard_each(e2ee, &events, on_state, &(Section){ e2ee, after_gap });
}

static int receive_room(E2ee *e2ee, const cJSON *room)
{
        const cJSON *timeline = object_object(room, "timeline");
        const cJSON *after = object_object(room, "state_after");
        bool limited = object_is_true(timeline, "limited");

        int r = room_add(e2ee, room->string);
        if (r < 0)
                return r;
        if (after) /* of the end of the timeline, which includes its own state events */
                return receive_events(e2ee, room->string, after, limited);

        r = receive_events(e2ee, room->string, object_object(room, "state"), limited);
        return r < 0 ? r : receive_events(e2ee, room->string, timeline, false);
}

int room_receive_joined(E2ee *e2ee, const cJSON *rooms)
{
        const cJSON *room;

        cJSON_ArrayForEach(room, object_object(rooms, "join")) {
                int r = receive_room(e2ee, room);
                if (r < 0)
                        return r;
        }
        return 0;
}
