/* SPDX-License-Identifier: MIT */
/* message ──► its event id ──► read the pins ──► pin
 *
 * Another message follows for members who could not read the last one, and takes its place among the pins. A
 * pin whose answer is lost is not repeated as it was: the pins are read again, and people's are kept. */

#include "matrix/room-help.h"

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"

#define HELP                                                                                                \
        "Write !help for what this device can do, with an example of each. !status says how it is,"         \
        " !requests what was asked of it, !devices how all are."

/* Those who come after one another within this time get one message. */
#define SETTLE_MS INT64_C(60000)

/* Members who can read what is encrypted now: those whose identity is the pinned one. The order is that of
 * the joins: where nothing has changed, only the first two tables are read. */
#define READERS                                                                                             \
        " FROM chat_member AS c CROSS JOIN identity AS i USING (user_id)"                                   \
        " CROSS JOIN member AS m USING (user_id) CROSS JOIN room USING (room_id)"                           \
        " WHERE i.pinned = i.master AND m.membership IN ('join', 'invite') AND encrypted"

/* Writes nothing where it is noted already. The plus keeps SQLite from the index by state, which has all
 * members of all rooms. */
static int note_lacking(Database *database, int64_t now_ms)
{
        return query_run(database,
                         "UPDATE chat_room AS r SET lacking_ms = CASE WHEN lacking_ms IS NULL THEN ?1 END"
                         " WHERE kind = ?2 AND (lacking_ms IS NULL) = EXISTS (SELECT 1" READERS
                         " AND c.room = r.id AND +c.state = ?3 AND m.room_id = r.room_id"
                         " AND (c.helped IS NOT i.pinned OR r.helped IS NOT r.room_id))",
                         "iii", now_ms, (int64_t) ROOM_DEVICE, (int64_t) MEMBER_INVITED);
}

/* The first message of a room does not wait. A clock that was set back delays nothing. */
static int find_due(Database *database, int64_t now_ms, char **ret_room_id)
{
        return query_text(database, ret_room_id,
                          "SELECT room_id FROM chat_room AS r WHERE lacking_ms NOT NULL AND NOT retired"
                          " AND (helped IS NOT room_id OR (pin IS NULL"
                          "  AND ?1 - lacking_ms NOT BETWEEN 0 AND ?2 - 1"
                          "  AND NOT EXISTS (SELECT 1 FROM chat_member WHERE room = r.id AND state = ?3)))"
                          " LIMIT 1",
                          "iii", now_ms, SETTLE_MS, (int64_t) MEMBER_WANTED);
}

static int note_readers(Database *database, const char *room_id)
{
        int r = query_run(database,
                          "UPDATE chat_room SET helped = room_id, lacking_ms = NULL, pin = NULL"
                          " WHERE room_id = ?",
                          "t", room_id);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE chat_member SET helped = (SELECT i.pinned" READERS
                                 " AND c.id = chat_member.id AND m.room_id = ?1)"
                                 " WHERE room = (SELECT id FROM chat_room WHERE room_id = ?1)",
                                 "t", room_id);
}

int room_help_add(Database *database, int64_t now_ms)
{
        _cleanup_(freep) char *room_id = NULL;
        cJSON *content = NULL;

        int r = note_lacking(database, now_ms);
        if (r == 0)
                r = find_due(database, now_ms, &room_id);
        if (r <= 0)
                return r;
        r = note_readers(database, room_id);
        if (r == 0)
                r = answer_make(&(Answer){ .line = HELP }, &content);
        if (r == 0)
                r = outbox_put_take(database,
                                    &(OutboxItem){ .room_id = room_id,
                                                   .type = "m.room.message",
                                                   .owner_kind = OUTBOX_HELP,
                                                   .owner_id = room_id },
                                    content);
        return r < 0 ? r : 1;
}

int room_help_sent(Database *database, const char *room_id, const char *event_id)
{
        return query_run(database, "UPDATE chat_room SET pin = ? WHERE room_id = ?", "tt", event_id,
                         room_id);
}

/* ---- the pin */

int room_help_next_pin(Database *database, int64_t *ret_id, char **ret_target)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT id, room_id FROM chat_room WHERE pin NOT NULL AND helped = room_id LIMIT 1",
                      "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        *ret_id = statement_integer(row, 0);
        r = url_format(ret_target, API "/rooms/%/state/m.room.pinned_events", statement_text(row, 1));
        return r < 0 ? r : 1;
}

/* It is done, or refused for good. */
int room_help_pinned(Database *database, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply))
                log_warning("Pinning the help of a room is refused: %s", matrix_reply_refusal(reply));
        return query_run(database, "UPDATE chat_room SET pinned = pin, pin = NULL WHERE id = ?", "i", id);
}

/* All but the former help, with the new one at the end. Returns whether that changes anything. */
static int replace(const cJSON *pins, const char *former, const char *pin, cJSON **ret_body)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        bool changes = true;
        const cJSON *each;

        int r = json_pack(&body, "{pinned:[]}");
        if (r < 0)
                return r;
        cJSON *list = (cJSON *) object_array(body, "pinned");
        cJSON_ArrayForEach(each, pins) {
                const char *event_id = cJSON_GetStringValue(each);

                if (event_id && streq(event_id, pin))
                        changes = false;
                else if (event_id && !streq(event_id, former) &&
                         !cJSON_AddItemToArray(list, cJSON_CreateString(event_id)))
                        return -ENOMEM;
        }
        if (!cJSON_AddItemToArray(list, cJSON_CreateString(pin)))
                return -ENOMEM;
        *ret_body = TAKE_PTR(body);
        return changes;
}

int room_help_pins_received(Database *database, int64_t id, const MatrixReply *reply, char **ret_body)
{
        _cleanup_(statement_resetp) Statement *row = NULL;
        _cleanup_(json_freep) cJSON *body = NULL;

        if (!matrix_reply_is_success(reply) && !streq(matrix_reply_code(reply), "M_NOT_FOUND"))
                return room_help_pinned(database, id, reply);
        int r = query(database, &row,
                      "SELECT coalesce(pinned, ''), pin FROM chat_room WHERE id = ?"
                      " AND pin NOT NULL",
                      "i", id);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        r = replace(object_array(reply->body, "pinned"), statement_text(row, 0), statement_text(row, 1),
                    &body);
        row = statement_reset(row);
        if (r == 0)
                return room_help_pinned(database, id, &(MatrixReply){ .status = 200 });
        if (r > 0)
                r = canonical_json(body, false, ret_body);
        return r < 0 ? r : 1;
}
