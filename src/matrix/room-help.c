/* SPDX-License-Identifier: MIT */
/* message ──► its event id ──► pin. A room that takes the place of another one gets its own. */

#include "matrix/room-help.h"

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"

#define HELP                                                                                                \
        "Write !help for what this device can do, with an example of each. !status says how it is,"         \
        " !requests what was asked of it, !devices how all are."

int room_help_add(Database *database, const char *room_id)
{
        cJSON *content = NULL;

        int r = query_run(database, "UPDATE chat_room SET helped = room_id, pin = NULL WHERE room_id = ?",
                          "t", room_id);
        if (r == 0)
                r = answer_make(&(Answer){ .line = HELP }, &content);
        return r < 0 ? r
                     : outbox_put_take(database,
                                       &(OutboxItem){ .room_id = room_id,
                                                      .type = "m.room.message",
                                                      .owner_kind = OUTBOX_HELP,
                                                      .owner_id = room_id },
                                       content);
}

int room_help_sent(Database *database, const char *room_id, const char *event_id)
{
        return query_run(database, "UPDATE chat_room SET pin = ? WHERE room_id = ?", "tt", event_id,
                         room_id);
}

int room_help_format_pin(const Statement *row, char **ret_target, char **ret_body)
{
        _cleanup_(json_freep) cJSON *body = NULL;

        int r = json_pack(&body, "{pinned:[s]}", statement_text(row, 2));
        if (r == 0)
                r = canonical_json(body, false, ret_body);
        return r < 0 ? r
                     : url_format(ret_target, API "/rooms/%/state/m.room.pinned_events",
                                  statement_text(row, 1));
}

int room_help_pinned(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply))
                log_warning("Pinning the help of a room is refused: %s", matrix_reply_refusal(reply));
        return query_run(database, "UPDATE chat_room SET pin = NULL WHERE id = ?", "i", id);
}
