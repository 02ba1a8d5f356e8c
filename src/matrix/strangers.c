/* SPDX-License-Identifier: MIT */
/* Members of our rooms whom we did not invite. */

#include "matrix/strangers.h"

#include <stdio.h>

#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store/query.h"

/* src/e2ee follows who is in a room, or invited. */
#define PRESENT "SELECT user_id FROM member WHERE room_id = ?1 AND membership IN ('join', 'invite')"

typedef struct Room {
        Database *database;
        const char *room_id;
        char *alias;
} Room;

static int announce(const Room *room, const char *user_id)
{
        _cleanup_(freep) char *line = NULL, *approvals = NULL;
        cJSON *content = NULL;

        int r = room_queue_find(room->database, ROOM_APPROVALS, "", &approvals);
        if (r <= 0)
                return r;
        if (asprintf(&line,
                     "%s is in #%s, but no manifest names them there: they can read along, and what they "
                     "write is ignored. If they do not belong there, remove them from the room.",
                     user_id, room->alias) < 0)
                return -ENOMEM;
        r = answer_make(&(Answer){ .line = line }, &content);
        return r < 0 ? r : outbox_add_take(room->database, approvals, "m.room.message", content);
}

static int report(void *userdata, const char *user_id)
{
        const Room *room = userdata;

        (void) log_full(LOG_WARNING, 0,
                        LOG_FIELDS({ "MATRIX_USER", user_id }, { "MATRIX_ROOM", room->alias }),
                        "A room of ours has a member whom no manifest names");
        int r = query_run(room->database, "INSERT INTO stranger(room_id, user_id) VALUES (?, ?)", "tt",
                          room->room_id, user_id);
        return r < 0 ? r : announce(room, user_id);
}

/* Whom we removed is a member until the sync has their leave. */
static int forget_gone(Database *database, const char *room_id)
{
        int r = query_run(database,
                          "DELETE FROM stranger WHERE room_id = ?1"
                          " AND user_id NOT IN (" PRESENT ")",
                          "t", room_id);
        return r < 0 ? r
                     : query_run(database,
                                 "DELETE FROM chat_member WHERE state = ?2"
                                 " AND room = (SELECT id FROM chat_room WHERE room_id = ?1)"
                                 " AND user_id NOT IN (" PRESENT ")",
                                 "ti", room_id, (int64_t) MEMBER_REMOVED);
}

int strangers_report(Database *database, const char *user_id, const char *room_id)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) char *alias = NULL;
        Room room = { database, room_id, NULL };

        int r = query_text(database, &alias, "SELECT alias FROM chat_room WHERE room_id = ?", "t", room_id);
        if (r <= 0)
                return r;
        room.alias = alias;
        r = forget_gone(database, room_id);
        if (r == 0)
                r = query(database, &rows,
                          PRESENT " AND user_id != ?2"
                                  " EXCEPT SELECT m.user_id FROM chat_member AS m"
                                  " JOIN chat_room AS r ON r.id = m.room WHERE r.room_id = ?1"
                                  " EXCEPT SELECT user_id FROM stranger WHERE room_id = ?1",
                          "tt", room_id, user_id);
        return r < 0 ? r : statement_for_each_text(rows, report, &room);
}
