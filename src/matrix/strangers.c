/* SPDX-License-Identifier: MIT */
/* Members of our rooms who are not what the manifests say. */

#include "matrix/strangers.h"

#include <stdio.h>

#include "matrix/alert.h"
#include "matrix/room-queue.h"
#include "proto/id.h"
#include "store/query.h"

#define KEY_SIZE  1024 /* the ids of a room and a user have at most 255 bytes each */
#define LINE_SIZE 1024

#define STRANGERS_MAX 20 /* alerts of a room */

/* What may be wrong with a user, each an alert until it is over. */
static const struct {
        const char *kind; /* the alert's key, followed by the room, if it is about one, and the user */
        const char *begun, *over; /* after the user's id, and the room */
} wrongs[] = {
        { "stranger:",
          "is named by no manifest there: what they write is ignored, and what devbox writes they cannot "
          "read. If they do not belong there, remove them from the room.",
          "was named by no manifest there; that is over" },
        { "unpinned:",
          "cannot read what devbox writes: no manifest pins their identity. On the hub: "
          "devboxctl person add, then devboxctl manifest publish",
          "was pinned by no manifest; that is over" },
        { "identity:",
          "has another identity than the one that the manifests pin, and is suspended. If it is theirs, "
          "which only they can confirm: devboxctl person add on the hub, then devboxctl manifest publish",
          "had another identity than the one that the manifests pin; that is over" },
};

/* For all who are in the room, or of whom something is announced: a column for each of `wrongs`. src/e2ee
 * follows who is in a room, or invited, and the identities. */
static const char members[] =
        "WITH present AS (SELECT user_id FROM member"
        "  WHERE room_id = ?1 AND membership IN ('join', 'invite') AND user_id != ?2),"
        " announced AS (SELECT substr(key, length('stranger:' || ?1 || ':') + 1) AS user_id FROM alert"
        "  WHERE NOT over AND key >= 'stranger:' || ?1 || ':' AND key < 'stranger:' || ?1 || ';'"
        "  UNION SELECT substr(key, length('unpinned:') + 1) FROM alert"
        "  WHERE NOT over AND (key GLOB 'unpinned:*' OR key GLOB 'identity:*'))"
        " SELECT user_id,"
        " user_id IN present AND user_id NOT IN (SELECT m.user_id FROM chat_member AS m"
        "  JOIN chat_room AS r ON r.id = m.room WHERE r.room_id = ?1),"
        " pinned IS NULL AND user_id IN (SELECT user_id FROM person WHERE current),"
        " coalesce(pinned != master, 0)"
        " FROM (SELECT user_id FROM present UNION SELECT user_id FROM announced) LEFT JOIN identity "
        "USING (user_id)";

typedef struct Room {
        Database *database;
        const char *room_id;
        char *alias;
} Room;

/* 1: a homeserver that shows ever more members does not fill the room: this one is not announced. */
static int is_at_limit(const Room *room, const char *key)
{
        int r = query_exists(room->database, "SELECT 1 FROM alert WHERE key = ? AND NOT over", "t", key);
        if (r != 0)
                return MIN(r, 0);
        return query_exists(room->database,
                            "SELECT 1 FROM alert WHERE NOT over AND key >= 'stranger:' || ?1 || ':'"
                            " AND key < 'stranger:' || ?1 || ';' LIMIT 1 OFFSET ?2 - 1",
                            "ti", room->room_id, (int64_t) STRANGERS_MAX);
}

static int compare_limit(const Room *room, bool is_so)
{
        char key[KEY_SIZE], line[LINE_SIZE];

        (void) snprintf(key, sizeof key, "strangers:%s", room->room_id);
        (void) snprintf(
                line, sizeof line, "More users in #%s %s", room->alias,
                is_so ? "are named by no manifest there, and are not listed here. See who is in the room"
                      : "were named by no manifest there; that is over");
        return (is_so ? alert_raise : alert_end)(room->database, key, line);
}

static int compare(const Room *room, size_t wrong, const char *user_id, bool is_so)
{
        bool in_room = wrong == 0;
        char key[KEY_SIZE], line[LINE_SIZE];

        (void) snprintf(key, sizeof key, "%s%s%s%s", wrongs[wrong].kind, in_room ? room->room_id : "",
                        in_room ? ":" : "", user_id);
        (void) snprintf(line, sizeof line, "%s%s%s %s",
                        mxid_valid(user_id) ? user_id : "A user with an id that is none",
                        in_room ? " in #" : "", in_room ? room->alias : "",
                        is_so ? wrongs[wrong].begun : wrongs[wrong].over);
        int r = in_room && is_so ? is_at_limit(room, key) : 0;
        if (r != 0)
                return r < 0 ? r : compare_limit(room, true);
        return (is_so ? alert_raise : alert_end)(room->database, key, line);
}

/* Whom we removed is a member until the sync has their leave. */
static int forget_gone(Database *database, const char *room_id)
{
        return query_run(database,
                         "DELETE FROM chat_member WHERE state = ?2"
                         " AND room = (SELECT id FROM chat_room WHERE room_id = ?1)"
                         " AND user_id NOT IN (SELECT user_id FROM member"
                         "  WHERE room_id = ?1 AND membership IN ('join', 'invite'))",
                         "ti", room_id, (int64_t) MEMBER_REMOVED);
}

int strangers_report(Database *database, const char *user_id, const char *room_id)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) char *alias = NULL;

        int r = query_text(database, &alias, "SELECT alias FROM chat_room WHERE room_id = ?", "t", room_id);
        if (r <= 0)
                return r;
        const Room room = { database, room_id, alias };
        size_t n = 0;

        r = forget_gone(database, room_id);
        if (r == 0)
                r = query(database, &rows, members, "tt", room_id, user_id);
        while (r == 0 && (r = statement_step(rows)) > 0) {
                r = 0;
                n += statement_integer(rows, 1) != 0;
                for (size_t i = 0; r == 0 && i < ELEMENTSOF(wrongs); i++)
                        r = compare(&room, i, statement_text(rows, 0),
                                    statement_integer(rows, (int) i + 1) != 0);
        }
        return r < 0 || n > STRANGERS_MAX ? r : compare_limit(&room, false);
}
