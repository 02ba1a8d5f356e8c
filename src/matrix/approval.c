/* SPDX-License-Identifier: MIT */
/* Requests that wait for people. */

#include "matrix/approval.h"

#include <stdio.h>

#include "basic/text.h"
#include "basic/utf8.h"
#include "matrix/outbox.h"
#include "matrix/room-queue.h"
#include "matrix/session-internal.h"
#include "matrix/upload.h"
#include "matrix/url.h"
#include "proto/id.h"
#include "store/query.h"

#define THUMB_UP   0x1f44d
#define THUMB_DOWN 0x1f44e

/* Whether the dispatcher has it. Under way: that of a command, which is not passed on from here, and is
 * taken back only when its call has ended. */
enum { DECISION_WAITS, DECISION_ACCEPTED, DECISION_REFUSED, DECISION_UNDER_WAY };

/* Our own reactions to one announcement. */
typedef struct Thumbs {
        Database *database;
        const char *room_id;
} Thumbs;

/* The file has the end of its name, behind the request's id. */
static int attach(Database *database, const char *room_id, const char *request_id, const char *end,
                  Bytes content)
{
        char name[64];

        (void) snprintf(name, sizeof name, "%.32s-%s", ulid_shown(request_id), end);
        return upload_add(
                database,
                &(UploadFile){ .room_id = room_id, .name = name, .type = "text/plain", .content = content });
}

static int make_announcement(const Answer *announcement, cJSON **ret_content)
{
        _cleanup_(text_done) Text end = TEXT_NULL;
        Answer answer = *announcement;
        cJSON *content = NULL;

        if (!answer_is_whole(answer.output))
                text_append(&end, "Do not decide before you have read all of it: it is in a file. ");
        text_append(&end, strempty(answer.end));
        if (end.error < 0)
                return end.error;
        answer.end = end.size > 0 ? end.data : NULL;
        int r = answer_make(&answer, &content);
        if (r == 0)
                r = object_put_string(content, "msgtype", "m.text"); /* causes a notification */
        if (r < 0) {
                cJSON_Delete(content);
                return r;
        }
        *ret_content = content;
        return 0;
}

int approval_add(Database *database, const char *request_id, ApprovalTier tier, const Answer *announcement)
{
        _cleanup_(freep) char *room_id = NULL;
        cJSON *content = NULL;

        int r = room_queue_find_announcements(database, &room_id);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = query_exists(database, "SELECT 1 FROM approval WHERE request_id = ?", "t", request_id);
        if (r != 0)
                return MIN(r, 0);

        r = query_run(database, "INSERT INTO approval(request_id, room_id, tier) VALUES (?, ?, ?)", "tti",
                      request_id, room_id, (int64_t) tier);
        if (r == 0 && !answer_is_whole(announcement->output))
                r = attach(database, room_id, request_id, "request.txt", announcement->output);
        if (r == 0)
                r = make_announcement(announcement, &content);
        return r < 0 ? r
                     : outbox_put_take(database,
                                       &(OutboxItem){ .room_id = room_id,
                                                      .type = "m.room.message",
                                                      .owner_kind = OUTBOX_APPROVAL,
                                                      .owner_id = request_id },
                                       content);
}

int approval_show_content(Database *database, const char *request_id, Bytes content)
{
        _cleanup_(freep) char *room_id = NULL;

        int r = query_text(database, &room_id,
                           "SELECT room_id FROM approval WHERE request_id = ? AND NOT shown AND NOT closed",
                           "t", request_id);
        if (r <= 0)
                return r;
        r = query_run(database, "UPDATE approval SET shown = 1 WHERE request_id = ?", "t", request_id);
        return r < 0 ? r : attach(database, room_id, request_id, "content.txt", content);
}

int approval_next_open(Database *database, const char *after_id, char **ret_request_id)
{
        return query_text(database, ret_request_id,
                          "SELECT request_id FROM approval WHERE NOT closed AND request_id > ?"
                          " ORDER BY request_id LIMIT 1",
                          "t", after_id);
}

int approval_is_open(Database *database, const char *request_id)
{
        return query_exists(database, "SELECT 1 FROM approval WHERE request_id = ? AND NOT closed", "t",
                            request_id);
}

/* Those that came before the id of the message that they are about. */
static int take_early_reactions(Database *database, const char *request_id)
{
        int r = query_run(database,
                          "INSERT OR IGNORE INTO decision(reaction_id, request_id, user_id, approve)"
                          " SELECT reaction_id, request_id, user_id, approve FROM early_reaction AS e"
                          " JOIN approval AS a ON a.event_id = e.target AND a.room_id = e.room_id"
                          " WHERE request_id = ? AND NOT closed",
                          "t", request_id);
        return r < 0 ? r
                     : query_run(database,
                                 "DELETE FROM early_reaction WHERE room_id NOT IN (SELECT room_id FROM"
                                 " approval WHERE event_id IS NULL AND NOT closed)",
                                 "");
}

static int add_thumb(Database *database, const OutboxItem *item, const char *event_id, const char *thumb)
{
        cJSON *content = NULL;

        int r = answer_reaction(event_id, thumb, &content);
        return r < 0 ? r : outbox_put_take(database, item, content);
}

int approval_sent(Database *database, const char *request_id, const char *event_id)
{
        _cleanup_(freep) char *room_id = NULL;
        OutboxItem item = { .type = "m.reaction", .owner_kind = OUTBOX_THUMB, .owner_id = request_id };

        if (!event_id)
                return 0;
        int r = query_text(database, &room_id,
                           "SELECT room_id FROM approval WHERE request_id = ? AND NOT closed", "t",
                           request_id);
        if (r <= 0)
                return r;
        item.room_id = room_id;
        r = query_run(database, "UPDATE approval SET event_id = ? WHERE request_id = ?", "tt", event_id,
                      request_id);
        if (r == 0)
                r = take_early_reactions(database, request_id);
        if (r == 0)
                r = query_exists(database, "SELECT 1 FROM approval WHERE request_id = ? AND tier = ?", "ti",
                                 request_id, (int64_t) APPROVAL_REACTION);
        if (r > 0) /* in another tier it would be refused */
                r = add_thumb(database, &item, event_id, "\xf0\x9f\x91\x8d");
        return r < 0 ? r : add_thumb(database, &item, event_id, "\xf0\x9f\x91\x8e");
}

static int redact_thumb(void *userdata, const char *event_id)
{
        const Thumbs *own = userdata;
        cJSON *content = NULL;

        int r = json_pack(&content, "{}");
        return r < 0 ? r
                     : outbox_put_take(own->database,
                                       &(OutboxItem){ .room_id = own->room_id,
                                                      .type = "m.room.redaction",
                                                      .target = event_id },
                                       content);
}

/* Those whose ids are known; one that is on its way follows when it is. */
static int redact_thumbs(Database *database, const char *request_id)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(freep) char *room_id = NULL;

        int r = query_text(database, &room_id,
                           "SELECT room_id FROM approval WHERE request_id = ? AND closed", "t", request_id);
        if (r <= 0)
                return r;
        r = query(database, &rows, "SELECT event_id FROM thumb WHERE request_id = ?", "t", request_id);
        if (r == 0)
                r = statement_for_each_text(rows, redact_thumb, &(Thumbs){ database, room_id });
        rows = statement_reset(rows);
        return r < 0 ? r : query_run(database, "DELETE FROM thumb WHERE request_id = ?", "t", request_id);
}

int approval_thumb_sent(Database *database, const char *request_id, const char *event_id)
{
        if (!event_id)
                return 0;

        int r = query_run(database, "INSERT OR IGNORE INTO thumb(event_id, request_id) VALUES (?, ?)", "tt",
                          event_id, request_id);
        return r < 0 ? r : redact_thumbs(database, request_id);
}

/* The thumb, without variation selectors and skin tones; 0: anything else. */
static uint32_t thumb_of(const char *key)
{
        uint32_t code, thumb = 0;

        for (size_t size; *key != '\0'; key += size) {
                size = utf8_decode(key, strlen(key), &code);
                if (size == 0)
                        return 0;
                if (code == 0xfe0f || (code >= 0x1f3fb && code <= 0x1f3ff))
                        continue;
                if (thumb != 0 || (code != THUMB_UP && code != THUMB_DOWN))
                        return 0;
                thumb = code;
        }
        return thumb;
}

/* The message of a request may be read before its answer is here, or while one that was lost is asked for
 * again. */
static int keep_early_reaction(Database *database, const Reaction *reaction, bool approve)
{
        return query_run(
                database,
                "INSERT OR IGNORE INTO early_reaction(reaction_id, room_id, target, user_id, approve)"
                " SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM approval"
                " WHERE room_id = ?2 AND event_id IS NULL AND NOT closed)"
                " AND NOT EXISTS (SELECT 1 FROM approval WHERE event_id = ?3)",
                "tttti", reaction->event_id, reaction->room_id, reaction->target, reaction->sender,
                (int64_t) approve);
}

int approval_react(Database *database, const Reaction *reaction)
{
        uint32_t thumb = thumb_of(reaction->key);

        if (thumb == 0)
                return 0;
        int r = query_run(database,
                          "INSERT OR IGNORE INTO decision(reaction_id, request_id, user_id, approve)"
                          " SELECT ?, request_id, ?, ? FROM approval WHERE event_id = ? AND room_id = ?"
                          " AND NOT closed",
                          "ttitt", reaction->event_id, reaction->sender, (int64_t) (thumb == THUMB_UP),
                          reaction->target, reaction->room_id);
        return r < 0 ? r : keep_early_reaction(database, reaction, thumb == THUMB_UP);
}

int approval_unreact(Database *database, const char *event_id)
{
        int r = query_run(database, "DELETE FROM early_reaction WHERE reaction_id = ?", "t", event_id);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE decision SET withdrawn = 1,"
                                 " passed_on = CASE passed_on WHEN ?2 THEN ?2 ELSE ?3 END"
                                 " WHERE reaction_id = ?1 AND NOT withdrawn",
                                 "tii", event_id, (int64_t) DECISION_UNDER_WAY, (int64_t) DECISION_WAITS);
}

int approval_next_check(Database *database, int64_t *ret_id, char **ret_target)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT decision.rowid, room_id, reaction_id FROM decision JOIN approval"
                      " USING (request_id) WHERE passed_on = ? AND NOT checked AND NOT withdrawn"
                      " AND NOT closed ORDER BY decision.rowid LIMIT 1",
                      "i", (int64_t) DECISION_WAITS);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        *ret_id = statement_integer(row, 0);
        r = url_format(ret_target, API "/rooms/%/event/%", statement_text(row, 1), statement_text(row, 2));
        return r < 0 ? r : 1;
}

/* A redacted one has no content. */
int approval_checked(Database *database, int64_t id, const MatrixReply *reply)
{
        const cJSON *relation = object_object(object_object(reply->body, "content"), "m.relates_to");
        bool is_there = matrix_reply_is_success(reply) && object_string(relation, "key");

        return query_run(database,
                         "UPDATE decision SET checked = 1, withdrawn = NOT ?2,"
                         " passed_on = CASE WHEN ?2 THEN passed_on ELSE ?3 END"
                         " WHERE rowid = ?1 AND NOT withdrawn",
                         "iii", id, (int64_t) is_there, (int64_t) DECISION_REFUSED);
}

void decision_done(Decision *decision)
{
        free(decision->reaction_id);
        free(decision->request_id);
        free(decision->user_id);
        free(decision->message_id);
        free(decision->room_id);
        *decision = DECISION_NULL;
}

int approval_next_decision(Database *database, Decision *ret_decision)
{
        _cleanup_(decision_done) Decision decision = DECISION_NULL;
        _cleanup_(statement_resetp) Statement *row = NULL;
        char **const texts[] = { &decision.reaction_id, &decision.request_id, &decision.user_id,
                                 &decision.message_id, &decision.room_id };

        int r = query(database, &row,
                      "SELECT reaction_id, request_id, user_id, event_id, room_id, approve, withdrawn"
                      " FROM decision JOIN approval USING (request_id)"
                      " WHERE passed_on = ? AND (checked OR withdrawn) AND NOT closed"
                      " ORDER BY decision.rowid LIMIT 1",
                      "i", (int64_t) DECISION_WAITS);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(texts); i++)
                r = statement_copy_text(row, (int) i, texts[i]);
        if (r < 0)
                return r;

        decision.approve = statement_integer(row, 5) != 0;
        decision.withdraw = statement_integer(row, 6) != 0;
        *ret_decision = TAKE(decision, DECISION_NULL);
        return 1;
}

int approval_has_decision(Database *database, const char *request_id)
{
        return query_exists(database, "SELECT 1 FROM decision WHERE request_id = ? AND passed_on = ?", "ti",
                            request_id, (int64_t) DECISION_WAITS);
}

/* A reaction that was taken back meanwhile is passed on again, as that. */
int approval_decided(Database *database, const Decision *decision, bool accepted)
{
        return query_run(database,
                         "UPDATE decision SET passed_on = ? WHERE reaction_id = ? AND withdrawn = ?", "iti",
                         (int64_t) (accepted ? DECISION_ACCEPTED : DECISION_REFUSED), decision->reaction_id,
                         (int64_t) decision->withdraw);
}

int approval_begin(Database *database, const char *event_id, const char *id, const char *user_id,
                   bool approve)
{
        char suffix[ULID_SIZE];

        if (!ulid_suffix_parse(id, suffix))
                return 0;
        return query_run(
                database,
                "INSERT OR IGNORE INTO decision(reaction_id, request_id, user_id, approve, passed_on)"
                " SELECT ?, request_id, ?, ?, ? FROM approval WHERE request_id LIKE '%' || ?",
                "ttiit", event_id, user_id, (int64_t) approve, (int64_t) DECISION_UNDER_WAY, suffix);
}

int approval_end(Database *database, const char *event_id, bool accepted)
{
        return query_run(database,
                         "UPDATE decision SET passed_on = CASE WHEN withdrawn AND ?2 THEN ?3 ELSE ?4 END"
                         " WHERE reaction_id = ?1 AND passed_on = ?5",
                         "tiiii", event_id, (int64_t) accepted, (int64_t) DECISION_WAITS,
                         (int64_t) (accepted ? DECISION_ACCEPTED : DECISION_REFUSED),
                         (int64_t) DECISION_UNDER_WAY);
}

int approval_recover(Database *database)
{
        int r = query_run(database, "UPDATE decision SET checked = 0 WHERE passed_on = ?", "i",
                          (int64_t) DECISION_WAITS);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE decision SET passed_on = CASE WHEN withdrawn THEN ? ELSE ? END"
                                 " WHERE passed_on = ?",
                                 "iii", (int64_t) DECISION_WAITS, (int64_t) DECISION_REFUSED,
                                 (int64_t) DECISION_UNDER_WAY);
}

int approval_deciders(Database *database, const char *request_id, bool approve, char **ret_users)
{
        return query_text(database, ret_users,
                          "SELECT group_concat(user_id, ', ') FROM (SELECT DISTINCT user_id FROM decision"
                          " WHERE request_id = ? AND approve = ? AND passed_on = ? AND NOT withdrawn)",
                          "tii", request_id, (int64_t) approve, (int64_t) DECISION_ACCEPTED);
}

int approval_close(Database *database, const char *request_id, const char *verdict)
{
        _cleanup_(freep) char *room_id = NULL, *event_id = NULL;
        cJSON *content = NULL;

        int r = query_text(database, &room_id,
                           "SELECT room_id FROM approval WHERE request_id = ? AND NOT closed", "t",
                           request_id);
        if (r <= 0)
                return r;
        r = query_text(database, &event_id, "SELECT event_id FROM approval WHERE request_id = ?", "t",
                       request_id);
        if (r >= 0)
                r = query_run(database, "UPDATE approval SET closed = 1 WHERE request_id = ?", "t",
                              request_id);
        if (r == 0)
                r = event_id ? json_pack(&content,
                                         "{msgtype:s,body:s,m.mentions:{},m.new_content:{msgtype:s,body:s},"
                                         "m.relates_to:{rel_type:s,event_id:s}}",
                                         "m.text", verdict, "m.text", verdict, "m.replace", event_id)
                             : json_pack(&content, "{msgtype:s,body:s,m.mentions:{}}", "m.text", verdict);
        if (r == 0)
                r = outbox_add_take(database, room_id, "m.room.message", content);
        return r < 0 ? r : redact_thumbs(database, request_id);
}
