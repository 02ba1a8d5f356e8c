/* SPDX-License-Identifier: MIT */
/* Events on their way to rooms. */

#include "matrix/outbox.h"

#include <inttypes.h>
#include <stdio.h>

#include "e2ee/message.h"
#include "store/query.h"

#define HURRY_MS     INT64_C(5000)
#define REFUSED_KEPT 10000 /* the rows of this many events before it */

int outbox_put_take(Database *database, const OutboxItem *item, cJSON *content)
{
        _cleanup_(json_freep) cJSON *owned = content;
        _cleanup_(freep) char *text = NULL;

        int r = owned ? canonical_json(owned, false, &text) : -ENOMEM;
        return r < 0 ? r
                     : query_run(database,
                                 "INSERT INTO outbox(room_id, type, target, content, owner_kind, owner_id, "
                                 "txn_id)"
                                 " VALUES (?, ?, ?, ?, ?, ?, lower(hex(randomblob(16))))",
                                 "ttttit", item->room_id, item->type, item->target, text,
                                 (int64_t) item->owner_kind, item->owner_id);
}

int outbox_add_take(Database *database, const char *room_id, const char *type, cJSON *content)
{
        return outbox_put_take(database, &(OutboxItem){ .room_id = room_id, .type = type }, content);
}

/* Both have the same transaction id. */
int outbox_add_request(Database *database, const E2eeRequest *request)
{
        char id[24];

        (void) snprintf(id, sizeof id, "%" PRId64, request->id);
        return query_run(database,
                         "INSERT OR IGNORE INTO outbox(room_id, type, content, owner_kind, owner_id, txn_id)"
                         " VALUES (?, ?, ?, ?, ?, ?)",
                         "tttitt", request->room_id, request->target, request->body,
                         (int64_t) OUTBOX_REQUEST, id, request->txn_id);
}

/* Reactions and redactions are in clear by the specification, receipts and typing are no events. */
static bool is_clear(const char *type)
{
        static const char *const types[] = { "m.reaction", "m.room.redaction", "m.receipt", "m.typing" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(type, types[i]))
                        return true;
        return false;
}

int outbox_find(Database *database, OutboxOwnerKind kind, const char *owner_id)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT encrypted, type FROM outbox WHERE owner_kind = ? AND owner_id = ?"
                      " AND error IS NULL ORDER BY seq DESC LIMIT 1",
                      "it", (int64_t) kind, owner_id);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        return statement_integer(row, 0) != 0 || is_clear(statement_text(row, 1)) ? 2 : 1;
}

int outbox_replace_take(Database *database, OutboxOwnerKind kind, const char *owner_id, cJSON *content)
{
        _cleanup_(json_freep) cJSON *owned = content;
        _cleanup_(freep) char *text = NULL;

        int r = owned ? canonical_json(owned, false, &text) : -ENOMEM;
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE outbox SET content = ? WHERE owner_kind = ? AND owner_id = ?"
                                 " AND error IS NULL AND NOT encrypted",
                                 "tit", text, (int64_t) kind, owner_id);
}

void outbox_event_done(OutboxEvent *event)
{
        free(event->room_id);
        free(event->type);
        free(event->target);
        free(event->content);
        free(event->txn_id);
        *event = OUTBOX_EVENT_NULL;
}

typedef struct OutboxRow {
        OutboxEvent event;
        bool encrypted;
        int64_t turn_ms; /* since when it is the first; 0: not yet */
} OutboxRow;

static int read_first(Database *database, OutboxRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        OutboxRow row = { .encrypted = false };
        char **const texts[] = { &row.event.room_id, &row.event.type, &row.event.target, &row.event.content,
                                 &row.event.txn_id };

        int r = query(database, &rows,
                      "SELECT seq, encrypted, coalesce(turn_ms, 0), room_id, type, target, content, txn_id"
                      " FROM outbox WHERE error IS NULL ORDER BY seq LIMIT 1",
                      "");
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r < 0 ? r : OUTBOX_EMPTY;

        row.event.seq = statement_integer(rows, 0);
        row.encrypted = statement_integer(rows, 1) != 0;
        row.turn_ms = statement_integer(rows, 2);
        r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(rows, 3 + (int) i, texts[i]);
        if (r < 0)
                outbox_event_done(&row.event);
        else
                *ret_row = row;
        return r;
}

/* The first turn of a row begins the time that it may wait. */
static int note_turn(Database *database, OutboxRow *row, int64_t now_ms)
{
        if (row->turn_ms > 0)
                return 0;

        row->turn_ms = now_ms;
        return query_run(database, "UPDATE outbox SET turn_ms = ? WHERE seq = ?", "ii", now_ms,
                         row->event.seq);
}

/* Or drops it. `waited_ms`: since its turn came. */
static int encrypt(Database *database, E2ee *e2ee, const OutboxRow *row, int64_t waited_ms)
{
        _cleanup_(json_freep) cJSON *content = NULL, *encrypted = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = matrix_json_parse(bytes_of_string(row->event.content), SIZE_MAX, &content);
        if (r < 0)
                return r;
        const RoomMessage message = { row->event.room_id, row->event.type, content, waited_ms >= HURRY_MS };
        r = e2ee_encrypt(e2ee, &message, &encrypted);
        /* The state of a room that was just made is on its way; another room is not encrypted, and gets
         * nothing. */
        if (r == ENCRYPT_NOT_HERE && waited_ms < HURRY_MS) {
                int ours = query_exists(database, "SELECT 1 FROM chat_room WHERE room_id = ?", "t",
                                        row->event.room_id);
                if (ours != 0)
                        return ours < 0 ? ours : OUTBOX_WAIT;
        }
        if (r == ENCRYPT_NOT_HERE)
                return outbox_answered(database, row->event.seq, "M_NOT_ENCRYPTED");
        if (r != 0 || !encrypted)
                return r < 0 ? r : OUTBOX_WAIT;
        r = canonical_json(encrypted, false, &text);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE outbox SET type = 'm.room.encrypted', content = ?, encrypted = 1"
                                 " WHERE seq = ?",
                                 "ti", text, row->event.seq);
}

int outbox_first(Database *database, E2ee *e2ee, int64_t now_ms, OutboxEvent *ret_event)
{
        OutboxRow row = { .encrypted = false };

        for (;;) {
                int r = read_first(database, &row);
                if (r != 0)
                        return r;
                if (row.encrypted || is_clear(row.event.type))
                        break;
                r = note_turn(database, &row, now_ms);
                if (r == 0)
                        r = encrypt(database, e2ee, &row, now_ms - row.turn_ms);
                outbox_event_done(&row.event);
                if (r != 0)
                        return r;
        }
        *ret_event = row.event;
        return 0;
}

int outbox_answered(Database *database, int64_t seq, const char *code)
{
        if (!code)
                return query_run(database, "DELETE FROM outbox WHERE seq = ?", "i", seq);

        int r = query_run(database, "UPDATE outbox SET error = ? WHERE seq = ?", "ti", code, seq);
        return r < 0 ? r
                     : query_run(database, "DELETE FROM outbox WHERE error NOT NULL AND seq <= ? - ?", "ii",
                                 seq, (int64_t) REFUSED_KEPT);
}

int outbox_owner(Database *database, int64_t seq, OutboxOwnerKind *ret_kind, char **ret_id)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT owner_kind, owner_id FROM outbox WHERE seq = ? AND owner_id IS NOT NULL", "i",
                      seq);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        *ret_kind = (OutboxOwnerKind) statement_integer(row, 0);
        r = statement_copy_text(row, 1, ret_id);
        return r < 0 ? r : 1;
}

int outbox_is_doubtful(Database *database, int64_t now_ms, int64_t *ret_seq, char **ret_room_id)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT encrypted AND turn_ms < ?, seq, room_id FROM outbox WHERE error IS NULL"
                      " ORDER BY seq LIMIT 1",
                      "i", now_ms - OUTBOX_REPEAT_MS);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0 || statement_integer(row, 0) == 0)
                return MIN(r, 0);
        *ret_seq = statement_integer(row, 1);
        r = statement_copy_text(row, 2, ret_room_id);
        return r < 0 ? r : 1;
}

int outbox_recognise(Database *database, int64_t now_ms, int64_t seq, const cJSON *events,
                     char **ret_event_id)
{
        _cleanup_(json_freep) cJSON *ours = NULL;
        _cleanup_(freep) char *text = NULL;
        const cJSON *event;

        int r = query_text(database, &text, "SELECT content FROM outbox WHERE seq = ?", "i", seq);
        if (r > 0)
                r = matrix_json_parse(bytes_of_string(text), SIZE_MAX, &ours);
        if (r < 0)
                return r;
        const char *ciphertext = strempty(object_string(ours, "ciphertext"));
        cJSON_ArrayForEach(event, events) {
                const char *event_id = object_string(event, "event_id");

                if (event_id && object_has(object_object(event, "content"), "ciphertext", ciphertext)) {
                        *ret_event_id = strdup(event_id);
                        return *ret_event_id ? 1 : -ENOMEM;
                }
        }
        return query_run(database, "UPDATE outbox SET turn_ms = ? WHERE seq = ?", "ii", now_ms, seq);
}
