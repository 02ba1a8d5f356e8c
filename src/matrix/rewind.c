/* SPDX-License-Identifier: MIT */
/* A homeserver that was restored from a backup. */

#include "matrix/rewind.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "e2ee/sync.h"
#include "log/log.h"
#include "matrix/alert.h"
#include "matrix/room-queue.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"
#include "store/query.h"

#define KEY_SIZE 300 /* an event's id has at most 255 bytes */

static int note_room(Database *database, const cJSON *room)
{
        const cJSON *events = object_array(object_object(room, "timeline"), "events");
        const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
        const char *event_id = object_string(last, "event_id");

        return event_id ? query_run(database,
                                    "INSERT OR REPLACE INTO landmark(id, room_id, event_id)"
                                    " SELECT 1, ?1, ?2 WHERE EXISTS (SELECT 1 FROM chat_room WHERE room_id "
                                    "= ?1)",
                                    "tt", room->string, event_id)
                        : 0;
}

/* Of rooms of others, and of those that we have left, nothing can be asked; these are made anew, as if they
 * had been upgraded to none. */
int rewind_note(Database *database, const cJSON *rooms)
{
        const cJSON *room;
        int r = 0;

        cJSON_ArrayForEach(room, object_object(rooms, "join"))
                if (r == 0)
                        r = note_room(database, room);
        cJSON_ArrayForEach(room, object_object(rooms, "leave")) {
                if (r == 0)
                        r = query_run(database, "DELETE FROM landmark WHERE room_id = ?", "t", room->string);
                if (r == 0)
                        r = room_queue_replace(database, room->string, "");
        }
        return r;
}

int rewind_next(Database *database, char **ret_target)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row, "SELECT room_id, event_id FROM landmark", "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        r = url_format(ret_target, API "/rooms/%/event/%", statement_text(row, 0), statement_text(row, 1));
        return r < 0 ? r : 1;
}

int rewind_answered(Database *database, E2ee *e2ee, const MatrixReply *reply)
{
        _cleanup_(freep) char *event_id = NULL;
        char key[KEY_SIZE];

        if (!streq(matrix_reply_code(reply), "M_NOT_FOUND"))
                return 0;
        int r = query_text(database, &event_id, "SELECT event_id FROM landmark", "");
        if (r <= 0)
                return r;

        log_error("The homeserver does not know its last event: it was restored from a backup");
        (void) snprintf(key, sizeof key, "restored:%s", event_id);
        r = alert_announce(
                database, key,
                "The homeserver was restored from a backup. What was written and answered here since "
                "then is gone from the rooms; what ran did run, and is in the audit chain. Nothing "
                "runs twice. A command that has no answer now can be sent again; !requests lists what "
                "still waits for an approval.");
        if (r == 0)
                r = query_run(database, "DELETE FROM landmark", "");
        if (r == 0)
                r = e2ee_forget_since(e2ee);
        return r < 0 ? r : 1;
}

static int forget_missing(Database *database, const cJSON *joined)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows, "SELECT room_id FROM chat_room WHERE room_id NOT NULL", "");
        while (r == 0 && (r = statement_step(rows)) > 0)
                r = object_object(joined, statement_text(rows, 0))
                            ? 0
                            : room_queue_replace(database, statement_text(rows, 0), "");
        return r;
}

int rewind_review(Database *database, const cJSON *joined)
{
        int r = forget_missing(database, joined);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE chat_member SET state = ?1 WHERE state = ?2 AND NOT EXISTS ("
                                 "SELECT 1 FROM chat_room AS r JOIN member AS m ON m.room_id = r.room_id"
                                 " WHERE r.id = room AND m.user_id = chat_member.user_id"
                                 " AND m.membership IN ('join', 'invite'))",
                                 "ii", (int64_t) MEMBER_WANTED, (int64_t) MEMBER_INVITED);
}
