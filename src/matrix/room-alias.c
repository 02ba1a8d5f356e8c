/* SPDX-License-Identifier: MIT */
/* The second alias of rooms with containers. */

#include "matrix/room-alias.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"

int room_alias_want(Database *database, const char *device, bool hosts)
{
        return query_run(database, "UPDATE chat_room SET hosts = ? WHERE name = ?", "it", (int64_t) hosts,
                         device);
}

/* Of a device with containers. A body makes it; a DELETE has none. */
int room_alias_format(const Statement *row, const char *user_id, char **ret_target, char **ret_body)
{
        _cleanup_(freep) char *alias = NULL;
        _cleanup_(json_freep) cJSON *body = NULL;
        int r = 0;

        if (asprintf(&alias, "#host-%s:%s", statement_text(row, 1), server_of(user_id)) < 0)
                return -ENOMEM;
        if (statement_integer(row, 3) != 0)
                r = json_pack(&body, "{room_id:s}", statement_text(row, 2));
        if (r == 0 && body)
                r = canonical_json(body, false, ret_body);
        return r < 0 ? r : url_format(ret_target, API "/directory/room/%", alias);
}

static void log_refusal(const MatrixReply *reply)
{
        log_warning("The alias of a room with containers is refused: %s", matrix_reply_refusal(reply));
}

/* One that belongs to another room stays so; that of a room that was replaced meanwhile has to be deleted.
 */
int room_alias_put(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply))
                log_refusal(reply);
        return query_run(database, "UPDATE chat_room SET hosted = 1 WHERE id = ? AND NOT hosted", "i", id);
}

int room_alias_deleted(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply) && reply->status != 404)
                log_refusal(reply);
        return query_run(database, "UPDATE chat_room SET hosted = 0 WHERE id = ?", "i", id);
}
