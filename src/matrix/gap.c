/* SPDX-License-Identifier: MIT */
/* Parts of timelines that a sync left out. */

#include "matrix/gap.h"

#include <inttypes.h>

#include "e2ee/json.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"
#include "store/query.h"

#define PAGES_MAX 10 /* of 100 events: what the homeserver gives at most */

int gap_open(Database *database, const char *room_id, const char *token, const char *since)
{
        return query_run(database, "INSERT INTO gap(room_id, token, since) VALUES (?, ?, ?)", "ttt", room_id,
                         token, since);
}

int gap_is_open(Database *database, const char *room_id)
{
        return query_exists(database, "SELECT 1 FROM gap WHERE room_id = ?", "t", room_id);
}

int gap_hold(Database *database, const char *room_id, const cJSON *event)
{
        _cleanup_(freep) char *text = cJSON_PrintUnformatted(event);

        if (!text)
                return -ENOMEM;
        return query_run(
                database,
                "INSERT INTO held(gap, position, event)"
                " SELECT id, coalesce((SELECT max(position) FROM held WHERE held.gap = gap.id), 0) + 1, ?"
                " FROM gap WHERE room_id = ? ORDER BY id DESC LIMIT 1",
                "tt", text, room_id);
}

/* In the gap itself, before what was received later or read from it so far. */
static int hold_before(Database *database, int64_t id, const cJSON *event)
{
        _cleanup_(freep) char *text = cJSON_PrintUnformatted(event);

        if (!text)
                return -ENOMEM;
        return query_run(database,
                         "INSERT INTO held(gap, position, event)"
                         " SELECT ?1, coalesce((SELECT min(position) FROM held WHERE gap = ?1), 1) - 1, ?2",
                         "it", id, text);
}

int gap_next(Database *database, const char *user_id, int64_t *ret_id, char **ret_target)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        _cleanup_(json_freep) cJSON *filter = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = query(database, &row, "SELECT id, room_id, token, since FROM gap ORDER BY id LIMIT 1", "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;

        r = json_pack(&filter, "{not_senders:[s]}", user_id);
        if (r == 0)
                r = canonical_json(filter, false, &text);
        if (r == 0)
                r = url_format(ret_target, API "/rooms/%/messages?dir=b&limit=100&from=%&to=%&filter=%",
                               statement_text(row, 1), statement_text(row, 2), statement_text(row, 3), text);
        if (r < 0)
                return r;
        *ret_id = statement_integer(row, 0);
        return 1;
}

/* The last page is empty, or has no token to go on from. */
int gap_receive(Database *database, int64_t id, const MatrixReply *reply)
{
        const cJSON *events = object_array(reply->body, "chunk"), *event;
        const char *token = object_string(reply->body, "end");
        int64_t pages = 0;
        int r = 0;

        if (!matrix_reply_is_success(reply))
                return GAP_ABANDONED;
        cJSON_ArrayForEach(event, events)
                if (r == 0)
                        r = hold_before(database, id, event);
        if (r < 0)
                return r;
        if (!token || cJSON_GetArraySize(events) == 0)
                return GAP_FILLED;

        r = query_run(database, "UPDATE gap SET token = ?, pages = pages + 1 WHERE id = ?", "ti", token, id);
        if (r == 0)
                r = query_integer(database, &pages, "SELECT pages FROM gap WHERE id = ?", "i", id);
        return r < 0 ? r : pages >= PAGES_MAX ? GAP_ABANDONED : 0;
}

int gap_room(Database *database, int64_t id, char **ret_room_id)
{
        int r = query_text(database, ret_room_id, "SELECT room_id FROM gap WHERE id = ?", "i", id);
        return MIN(r, 0);
}

static int release_each(Statement *rows, GapHandler *on_event, void *userdata)
{
        int r;

        while ((r = statement_step(rows)) > 0) {
                _cleanup_(json_freep) cJSON *event = NULL;

                r = matrix_json_parse(bytes_of_string(statement_text(rows, 1)), SIZE_MAX, &event);
                if (r == 0)
                        r = on_event(statement_text(rows, 0), event, userdata);
                if (r != 0)
                        return r;
        }
        return r;
}

int gap_release(Database *database, int64_t id, GapHandler *on_event, void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows,
                      "SELECT room_id, event FROM held JOIN gap ON gap.id = gap WHERE gap = ?"
                      " ORDER BY position",
                      "i", id);
        if (r == 0)
                r = release_each(rows, on_event, userdata);
        return r != 0 ? r : query_run(database, "DELETE FROM gap WHERE id = ?", "i", id);
}
