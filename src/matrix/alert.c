/* SPDX-License-Identifier: MIT */
/* What people should know of. */

#include "matrix/alert.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "store/query.h"

#define KEY_SIZE  320 /* of a kind that ends by itself: with the name of a device */
#define LINE_SIZE 512
#define OVER_MAX  "1000" /* rows kept */

static int send_take(Database *database, const char *room_id, const char *key, cJSON *content)
{
        return outbox_put_take(database,
                               &(OutboxItem){ .room_id = room_id,
                                              .type = "m.room.message",
                                              .owner_kind = key ? OUTBOX_ALERT : OUTBOX_NO_OWNER,
                                              .owner_id = key },
                               content);
}

/* Alerts that are over. */
static int forget_old(Database *database)
{
        return query_run(
                database,
                "DELETE FROM alert WHERE over AND rowid <= (SELECT max(rowid) FROM alert) - " OVER_MAX, "");
}

static int announce(Database *database, const char *key, const char *line, bool over)
{
        _cleanup_(freep) char *room_id = NULL;
        cJSON *content = NULL;

        int r = room_queue_find_announcements(database, &room_id);
        if (r <= 0)
                return r;

        (void) log_full(LOG_WARNING, 0, LOG_FIELDS({ "DEVBOX_ALERT", line }),
                        "An alert in #operator-approvals");
        r = query_run(database,
                      "INSERT INTO alert(key, room_id, over) VALUES (?, ?, ?)"
                      " ON CONFLICT DO UPDATE SET room_id = excluded.room_id, event_id = NULL, over = 0",
                      "tti", key, room_id, (int64_t) over);
        if (r == 0)
                r = forget_old(database);
        if (r == 0)
                r = answer_make(&(Answer){ .line = line }, &content);
        if (r == 0)
                r = object_put_string(content, "msgtype", "m.text"); /* causes a notification */
        return r < 0 ? r : send_take(database, room_id, key, content);
}

int alert_raise(Database *database, const char *key, const char *line)
{
        int r = query_exists(database, "SELECT 1 FROM alert WHERE key = ? AND NOT over", "t", key);
        return r != 0 ? MIN(r, 0) : announce(database, key, line, false);
}

int alert_announce(Database *database, const char *key, const char *line)
{
        int r = query_exists(database, "SELECT 1 FROM alert WHERE key = ?", "t", key);
        return r != 0 ? MIN(r, 0) : announce(database, key, line, true);
}

int alert_end(Database *database, const char *key, const char *line)
{
        _cleanup_(freep) char *room_id = NULL, *event_id = NULL;
        cJSON *content = NULL;

        int r = query_text(database, &room_id, "SELECT room_id FROM alert WHERE key = ? AND NOT over", "t",
                           key);
        if (r <= 0)
                return r;
        r = query_text(database, &event_id, "SELECT event_id FROM alert WHERE key = ?", "t", key);
        if (r >= 0)
                r = query_run(database, "UPDATE alert SET over = 1 WHERE key = ?", "t", key);
        if (r == 0)
                r = answer_make(&(Answer){ .line = line }, &content);
        if (r == 0 && event_id)
                r = answer_edit_take(TAKE_PTR(content), event_id, &content);
        return r < 0 ? r : send_take(database, room_id, NULL, content);
}

static int next_open(Database *database, const char *after_key, char **ret_key)
{
        return query_text(database, ret_key,
                          "SELECT key FROM alert WHERE key > ? AND NOT over ORDER BY key LIMIT 1", "t",
                          after_key);
}

int alert_end_others(Database *database, const char *kind,
                     bool (*is_in)(const void *userdata, const char *name), const void *userdata,
                     const char *sentence)
{
        char after[KEY_SIZE], line[LINE_SIZE];

        (void) snprintf(after, sizeof after, "%s", kind);
        for (;;) {
                _cleanup_(freep) char *key = NULL;

                int r = next_open(database, after, &key);
                if (r <= 0 || !startswith(key, kind))
                        return MIN(r, 0);
                const char *name = key + strlen(kind);
                (void) snprintf(after, sizeof after, "%s", key);
                if (is_in(userdata, name))
                        continue;
                (void) snprintf(line, sizeof line, "%s %s", name, sentence);
                r = alert_end(database, key, line);
                if (r < 0)
                        return r;
        }
}

int alert_sent(Database *database, const char *key, const char *event_id)
{
        return query_run(database, "UPDATE alert SET event_id = ? WHERE key = ?", "tt", event_id, key);
}
