/* SPDX-License-Identifier: MIT */
/* What a room shows of a command. */

#include "matrix/command-display.h"

#include "e2ee/json.h"
#include "matrix/outbox.h"
#include "store/query.h"

typedef struct CommandRow {
        char *room_id, *thread, *status, *shown, *shown_event, *answer, *answer_event;
} CommandRow;

static void row_done(CommandRow *row)
{
        char *const texts[] = { row->room_id,     row->thread, row->status,      row->shown,
                                row->shown_event, row->answer, row->answer_event };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
}

/* 1: there is one. */
static int row_read(Database *database, const char *event_id, CommandRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(row_done) CommandRow row = { NULL };
        char **const texts[] = { &row.room_id,     &row.thread, &row.status,      &row.shown,
                                 &row.shown_event, &row.answer, &row.answer_event };

        int r = query(database, &rows,
                      "SELECT room_id, thread, status, shown, shown_event, answer, answer_event"
                      " FROM command WHERE event_id = ?",
                      "t", event_id);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;
        r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(rows, (int) i, texts[i]);
        if (r < 0)
                return r;

        *ret_row = TAKE(row, (CommandRow){ NULL });
        return 1;
}

/* ---- the reaction */

static int redact(Database *database, const CommandRow *row)
{
        const OutboxItem item = { .room_id = row->room_id,
                                  .type = "m.room.redaction",
                                  .target = row->shown_event };
        cJSON *content = NULL;

        int r = json_pack(&content, "{}");
        return r < 0 ? r : outbox_put_take(database, &item, content);
}

static int react(Database *database, const char *event_id, const CommandRow *row)
{
        const OutboxItem item = { .room_id = row->room_id,
                                  .type = "m.reaction",
                                  .owner_kind = OUTBOX_STATUS,
                                  .owner_id = event_id };
        cJSON *content = NULL;

        int r = answer_reaction(event_id, row->status, &content);
        return r < 0 ? r : outbox_put_take(database, &item, content);
}

static int follow_status(Database *database, const char *event_id)
{
        _cleanup_(row_done) CommandRow row = { NULL };

        int r = row_read(database, event_id, &row);
        if (r <= 0 || !row.status || streq(row.status, strempty(row.shown)))
                return MIN(r, 0);
        r = outbox_find(database, OUTBOX_STATUS, event_id);
        if (r != 0)
                return MIN(r, 0); /* its id is needed to redact it */

        if (row.shown_event)
                r = redact(database, &row);
        if (r == 0)
                r = react(database, event_id, &row);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE command SET shown = status, shown_event = NULL WHERE event_id = ?",
                                 "t", event_id);
}

int command_display_status_sent(Database *database, const char *event_id, const char *sent_id)
{
        int r = query_run(database, "UPDATE command SET shown_event = ? WHERE event_id = ?", "tt", sent_id,
                          event_id);

        return r < 0 ? r : follow_status(database, event_id);
}

/* ---- the answer */

static int follow_answer(Database *database, const char *event_id)
{
        _cleanup_(row_done) CommandRow row = { NULL };
        cJSON *content = NULL;

        int r = row_read(database, event_id, &row);
        if (r <= 0 || !row.answer)
                return MIN(r, 0);
        int pending = outbox_find(database, OUTBOX_ANSWER, event_id);
        if (pending < 0 || pending == 2)
                return MIN(pending, 0); /* its id is needed to edit it */

        r = matrix_json_parse(bytes_of_string(row.answer), SIZE_MAX, &content);
        if (r == 0 && row.answer_event)
                r = answer_edit_take(content, row.answer_event, &content);
        if (r < 0)
                return r;
        const OutboxItem item = { .room_id = row.room_id,
                                  .type = "m.room.message",
                                  .owner_kind = OUTBOX_ANSWER,
                                  .owner_id = event_id };
        r = pending == 1 ? outbox_replace_take(database, OUTBOX_ANSWER, event_id, content)
                         : outbox_put_take(database, &item, content);
        return r < 0 ? r
                     : query_run(database, "UPDATE command SET answer = NULL WHERE event_id = ?", "t",
                                 event_id);
}

int command_display_answer_sent(Database *database, const char *event_id, const char *sent_id)
{
        int r = query_run(database,
                          "UPDATE command SET answer_event = coalesce(answer_event, ?) WHERE event_id = ?",
                          "tt", sent_id, event_id);

        return r < 0 ? r : follow_answer(database, event_id);
}

/* ---- both */

int command_display(Database *database, const char *event_id, const Answer *answer)
{
        _cleanup_(json_freep) cJSON *content = NULL;
        _cleanup_(row_done) CommandRow row = { NULL };
        _cleanup_(freep) char *text = NULL;

        int r = row_read(database, event_id, &row);
        if (r <= 0)
                return r;
        r = answer_make(&(Answer){ .line = answer->line,
                                   .output = answer->output,
                                   .reply_to = event_id,
                                   .thread = row.thread },
                        &content);
        if (r == 0)
                r = canonical_json(content, false, &text);
        if (r == 0)
                r = query_run(
                        database,
                        "UPDATE command SET answer = ?, status = coalesce(?, status) WHERE event_id = ?",
                        "ttt", text, answer->mark, event_id);
        if (r == 0)
                r = follow_answer(database, event_id);
        return r < 0 ? r : follow_status(database, event_id);
}
