/* SPDX-License-Identifier: MIT */
/* Making rooms, one request after the other:
 *
 *         create ──► room                 invite, remove, link into the space
 *           └─ M_ROOM_IN_USE ──► look the alias up ──► read its state ──► room, or an error
 *
 * A room that was upgraded: read the state of its replacement ──► room, or create; the alias is taken from
 * the room before, where that has it still. So is #host-NAME, in any case: delete, put.
 *
 * A room that is retired: take out of the space. One that is in use again goes the same way back: what the
 * request changes is the opposite of what its row has, so an answer inverts it, whatever has been decided
 * meanwhile.
 */

#include "matrix/room-queue.h"

#include <stdio.h>

#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/room-alias.h"
#include "matrix/session-internal.h"
#include "matrix/url.h"
#include "store/query.h"

static const struct {
        const char *kind, *alias, *name, *topic; /* each but the first followed by the device's name, if the
                                                    room has one */
} kinds[_ROOM_KIND_MAX] = {
        [ROOM_SPACE] = { "space", "devbox", "devbox", "The machines of this network" },
        [ROOM_APPROVALS] = { "approvals", "operator-approvals", "approvals", "What waits for a person" },
        [ROOM_DEVICE] = { "device", "dev-", "dev \xc2\xb7 ", "Commands for " },
};

int room_queue_want(Database *database, RoomKind kind, const char *name)
{
        _cleanup_(freep) char *alias = NULL;

        if (asprintf(&alias, "%s%s", kinds[kind].alias, name) < 0)
                return -ENOMEM;
        return query_run(database,
                         "INSERT INTO chat_room(kind, name, alias) VALUES (?, ?, ?)"
                         " ON CONFLICT(kind, name) DO UPDATE SET retired = 0",
                         "itt", (int64_t) kind, name, alias);
}

int room_queue_retire(Database *database, RoomKind kind, const char *name, char **ret_room_id)
{
        int r = query_exists(database, "SELECT 1 FROM chat_room WHERE kind = ? AND name = ? AND NOT retired",
                             "it", (int64_t) kind, name);
        if (r <= 0)
                return r;
        r = query_run(database, "UPDATE chat_room SET retired = 1 WHERE kind = ? AND name = ?", "it",
                      (int64_t) kind, name);
        if (r == 0)
                r = room_queue_find(database, kind, name, ret_room_id);
        return r < 0 ? r : 1;
}

int room_queue_is_retired(Database *database, const char *room_id)
{
        return query_exists(database, "SELECT 1 FROM chat_room WHERE room_id = ? AND retired", "t", room_id);
}

/* A removal that is under way may still take effect, so whoever was to be removed is invited once more. */
int room_queue_invite(Database *database, RoomKind kind, const char *name, const char *user_id)
{
        return query_run(database,
                         "INSERT INTO chat_member(room, user_id, state)"
                         " SELECT id, ?1, ?4 FROM chat_room WHERE kind = ?2 AND name = ?3"
                         " ON CONFLICT(room, user_id) DO UPDATE SET state = ?4 WHERE state >= ?5"
                         " OR EXISTS (SELECT 1 FROM chat_room AS r JOIN member AS m USING (room_id)"
                         "  WHERE r.id = room AND m.user_id = ?1 AND membership = 'leave')",
                         "titii", user_id, (int64_t) kind, name, (int64_t) MEMBER_WANTED,
                         (int64_t) MEMBER_UNWANTED);
}

int room_queue_remove(Database *database, RoomKind kind, const char *name, const char *user_id)
{
        return query_run(database,
                         "UPDATE chat_member SET state = ?1 WHERE user_id = ?2 AND state < ?1"
                         " AND room = (SELECT id FROM chat_room WHERE kind = ?3 AND name = ?4)",
                         "itit", (int64_t) MEMBER_UNWANTED, user_id, (int64_t) kind, name);
}

int room_queue_find(Database *database, RoomKind kind, const char *name, char **ret_room_id)
{
        return query_text(database, ret_room_id, "SELECT room_id FROM chat_room WHERE kind = ? AND name = ?",
                          "it", (int64_t) kind, name);
}

int room_queue_find_announcements(Database *database, char **ret_room_id)
{
        return query_text(database, ret_room_id,
                          "SELECT room_id FROM chat_room AS r JOIN room USING (room_id)"
                          " WHERE kind = ?1 AND encrypted AND EXISTS (SELECT 1 FROM chat_member AS c"
                          "  JOIN member AS m USING (user_id) JOIN identity AS i USING (user_id)"
                          "  WHERE c.room = r.id AND m.room_id = r.room_id"
                          "  AND m.membership IN ('join', 'invite') AND i.pinned NOT NULL"
                          "  AND (i.pinned = i.master OR NOT i.dirty))",
                          "i", (int64_t) ROOM_APPROVALS);
}

int room_queue_awaits_members(Database *database)
{
        return query_exists(database,
                            "SELECT 1 FROM chat_member AS c JOIN chat_room AS r ON r.id = c.room"
                            " WHERE c.state = ? AND r.room_id NOT NULL AND NOT EXISTS (SELECT 1"
                            "  FROM member AS m WHERE m.room_id = r.room_id AND m.user_id = c.user_id)",
                            "i", (int64_t) MEMBER_INVITED);
}

int room_queue_replace(Database *database, const char *room_id, const char *replacement)
{
        int r = query_run(database,
                          "UPDATE chat_member SET state = ?1 WHERE state = ?2"
                          " AND room = (SELECT id FROM chat_room WHERE room_id = ?3)",
                          "iit", (int64_t) MEMBER_WANTED, (int64_t) MEMBER_INVITED, room_id);
        if (r == 0) /* all others are linked into another space */
                r = query_run(database,
                              "UPDATE chat_room SET linked = 0 WHERE NOT retired"
                              " AND EXISTS (SELECT 1 FROM chat_room WHERE room_id = ? AND kind = 0)",
                              "t", room_id);
        return r < 0 ? r
                     : query_run(database,
                                 "UPDATE chat_room SET predecessor = ?1, room_id = NULL, taken = 0,"
                                 " unlink = CASE WHEN linked THEN ?1 END,"
                                 " linked = 0, error = NULL, hosted = -(hosts OR hosted),"
                                 " candidate = (SELECT nullif(?2, '')"
                                 " WHERE NOT EXISTS (SELECT 1 FROM chat_room WHERE room_id = ?2))"
                                 " WHERE room_id = ?1 AND NOT retired",
                                 "tt", room_id, replacement);
}

int room_queue_successor(Database *database, const char *room_id, char **ret_alias)
{
        return query_text(database, ret_alias, "SELECT alias FROM chat_room WHERE predecessor = ?", "t",
                          room_id);
}

int room_queue_each(Database *database, int (*on_room)(const RoomRow *row, void *userdata), void *userdata)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows,
                      "SELECT kind, nullif(name, ''), room_id, alias, error, retired FROM chat_room"
                      " ORDER BY kind, name",
                      "");
        while (r == 0 && (r = statement_step(rows)) > 0) {
                const RoomRow row = { .kind = kinds[statement_integer(rows, 0)].kind,
                                      .device = statement_text(rows, 1),
                                      .room_id = statement_text(rows, 2),
                                      .alias = statement_text(rows, 3),
                                      .error = statement_text(rows, 4),
                                      .state = statement_integer(rows, 5) ? "retired"
                                               : statement_text(rows, 2)  ? "made"
                                               : statement_text(rows, 4)  ? "failed"
                                                                          : "wanted" };

                r = on_room(&row, userdata);
        }
        return r;
}

/* What the creator of a room has. */
#define OUR_LEVEL 100

/* ---- the steps: each has the columns that its query selects, and the row's id in the first */

static int body_of_create(const Statement *row, const char *user_id, char **ret_body)
{
        RoomKind kind = (RoomKind) statement_integer(row, 1);
        const char *name = statement_text(row, 2), *alias = statement_text(row, 3);
        _cleanup_(freep) char *title = NULL, *topic = NULL;
        _cleanup_(json_freep) cJSON *body = NULL;
        bool is_space = kind == ROOM_SPACE;

        if (asprintf(&title, "%s%s", kinds[kind].name, name) < 0 ||
            asprintf(&topic, "%s%s", kinds[kind].topic, name) < 0)
                return -ENOMEM;
        int r = json_pack(
                &body,
                "{preset:s,room_alias_name:s,name:s,topic:s,creation_content:{m.federate:b,type:s},"
                "power_level_content_override:{invite:i},"
                "initial_state:[{type:s,content:{history_visibility:s}},"
                "{type:s,content:{guest_access:s}}]}",
                "private_chat", alias, title, topic, false, is_space ? "m.space" : NULL, (int64_t) OUR_LEVEL,
                "m.room.history_visibility", "invited", "m.room.guest_access", "forbidden");
        if (r == 0 && !is_space) { /* a space has no messages */
                cJSON *encryption = NULL;

                r = json_pack(&encryption, "{type:s,content:{algorithm:s}}", "m.room.encryption",
                              "m.megolm.v1.aes-sha2");
                if (r == 0 &&
                    !cJSON_AddItemToArray((cJSON *) object_array(body, "initial_state"), encryption))
                        r = -ENOMEM;
        }
        return r < 0 ? r : canonical_json(body, false, ret_body);
}

static int make_create(const Statement *row, const char *user_id, RoomRequest *request)
{
        int r = body_of_create(row, user_id, &request->body);
        return r < 0 ? r : url_format(&request->target, API "/createRoom");
}

static int make_lookup(const Statement *row, const char *user_id, RoomRequest *request)
{
        _cleanup_(freep) char *alias = NULL;

        if (asprintf(&alias, "#%s:%s", statement_text(row, 1), server_of(user_id)) < 0)
                return -ENOMEM;
        return url_format(&request->target, API "/directory/room/%", alias);
}

static int make_host_alias(const Statement *row, const char *user_id, RoomRequest *request)
{
        return room_alias_format(row, user_id, &request->target, &request->body);
}

static int make_read_state(const Statement *row, const char *user_id, RoomRequest *request)
{
        return url_format(&request->target, API "/rooms/%/state", statement_text(row, 1));
}

static int make_invite(const Statement *row, const char *user_id, RoomRequest *request)
{
        _cleanup_(json_freep) cJSON *body = NULL;

        int r = json_pack(&body, "{user_id:s}", statement_text(row, 2));
        if (r == 0)
                r = canonical_json(body, false, &request->body);
        return r < 0 ? r : url_format(&request->target, API "/rooms/%/invite", statement_text(row, 1));
}

static int make_kick(const Statement *row, const char *user_id, RoomRequest *request)
{
        _cleanup_(json_freep) cJSON *body = NULL;

        int r = json_pack(&body, "{user_id:s,reason:s}", statement_text(row, 2),
                          "No manifest names you for this room any more.");
        if (r == 0)
                r = canonical_json(body, false, &request->body);
        return r < 0 ? r : url_format(&request->target, API "/rooms/%/kick", statement_text(row, 1));
}

/* Without servers the space has the child no longer. */
static int make_link(const Statement *row, const char *user_id, RoomRequest *request)
{
        bool retired = statement_integer(row, 3) != 0;
        _cleanup_(json_freep) cJSON *body = NULL;

        int r = retired ? json_pack(&body, "{}") : json_pack(&body, "{via:[s]}", server_of(user_id));
        if (r == 0)
                r = canonical_json(body, false, &request->body);
        return r < 0 ? r
                     : url_format(&request->target, API "/rooms/%/state/m.space.child/%",
                                  statement_text(row, 2), statement_text(row, 1));
}

static int make_reply(const Statement *row, const char *user_id, RoomRequest *request)
{
        bool accepted = statement_integer(row, 2) != 0;

        request->body = strdup("{}");
        if (!request->body)
                return -ENOMEM;
        return url_format(&request->target, accepted ? API "/rooms/%/join" : API "/rooms/%/leave",
                          statement_text(row, 1));
}

/* ---- their answers */

/* A refusal that no repetition changes; the room's row keeps it, and nothing more is tried. */
static int refuse(Database *database, int64_t id, const char *code)
{
        log_error("The homeserver gives us no room: %s", code);
        return query_run(database, "UPDATE chat_room SET error = ?, candidate = NULL WHERE id = ?", "ti",
                         code, id);
}

static int on_created(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        const char *room_id = object_string(reply->body, "room_id");

        if (matrix_reply_is_success(reply) && room_id)
                return query_run(database, "UPDATE chat_room SET room_id = ? WHERE id = ?", "ti", room_id,
                                 id);
        if (streq(matrix_reply_code(reply), "M_ROOM_IN_USE"))
                return query_run(database, "UPDATE chat_room SET taken = 1 WHERE id = ?", "i", id);
        return refuse(database, id, matrix_reply_refusal(reply));
}

static int on_looked_up(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        const char *room_id = object_string(reply->body, "room_id");

        if (matrix_reply_is_success(reply) && room_id)
                return query_run(database, "UPDATE chat_room SET candidate = ? WHERE id = ?", "ti", room_id,
                                 id);
        return refuse(database, id, matrix_reply_refusal(reply));
}

/* Whoever made a room can read it and change it: only our own is adopted, and only if it is encrypted, as
 * all but the space are. `predecessor`: that it must name; NULL: any. */
static bool is_acceptable(const cJSON *state, const char *user_id, bool is_space, const char *predecessor)
{
        bool is_ours = false, is_encrypted = is_space;
        const cJSON *event;

        cJSON_ArrayForEach(event, state) {
                const cJSON *content = object_object(event, "content");

                if (object_has(event, "type", "m.room.create"))
                        is_ours = object_has(event, "sender", user_id) &&
                                  (!predecessor || object_has(object_object(content, "predecessor"),
                                                              "room_id", predecessor));
                if (object_has(event, "type", "m.room.encryption") && object_has(event, "state_key", ""))
                        is_encrypted = true;
        }
        return is_ours && is_encrypted;
}

static int on_state_read(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        _cleanup_(freep) char *predecessor = NULL;

        int is_space = query_exists(database, "SELECT 1 FROM chat_room WHERE id = ? AND kind = 0", "i", id);
        if (is_space < 0)
                return is_space;
        int r = query_text(database, &predecessor,
                           "SELECT predecessor FROM chat_room WHERE id = ? AND NOT taken", "i", id);
        if (r < 0)
                return r;
        if (matrix_reply_is_success(reply) && is_acceptable(reply->body, user_id, is_space > 0, predecessor))
                return query_run(database, "UPDATE chat_room SET room_id = candidate WHERE id = ?", "i", id);
        if (predecessor)
                return query_run(database, "UPDATE chat_room SET candidate = NULL WHERE id = ?", "i", id);
        return refuse(database, id,
                      matrix_reply_is_success(reply) ? "M_ROOM_IN_USE" : matrix_reply_refusal(reply));
}

/* One that is not there does not need to be taken. */
static int on_alias_deleted(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply) && reply->status != 404)
                return refuse(database, id, matrix_reply_refusal(reply));
        return query_run(database, "UPDATE chat_room SET taken = 0, candidate = NULL WHERE id = ?", "i", id);
}

/* Who is in the room already, or may not be, as all on other homeservers: not again. */
static int on_invited(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply))
                log_warning("An invitation is refused: %s; see: devboxctl matrix status",
                            matrix_reply_refusal(reply));
        return query_run(database, "UPDATE chat_member SET state = ? WHERE id = ? AND state = ?", "iii",
                         (int64_t) MEMBER_INVITED, id, (int64_t) MEMBER_WANTED);
}

/* Who is not in the room is as good as removed; who is, and stays, is a stranger from now on. */
static int on_kicked(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply)) {
                log_warning("A removal is refused: %s", matrix_reply_refusal(reply));
                return query_run(database, "DELETE FROM chat_member WHERE id = ? AND state = ?", "ii", id,
                                 (int64_t) MEMBER_UNWANTED);
        }
        return query_run(database, "UPDATE chat_member SET state = ? WHERE id = ? AND state = ?", "iii",
                         (int64_t) MEMBER_REMOVED, id, (int64_t) MEMBER_UNWANTED);
}

static int on_replied(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        if (!matrix_reply_is_success(reply))
                log_warning("The answer to an invitation is refused: %s", matrix_reply_refusal(reply));
        return query_run(database, "DELETE FROM invitation WHERE id = ?", "i", id);
}

static int on_linked(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        return query_run(database,
                         "UPDATE chat_room SET linked = linked != (unlink IS NULL), unlink = NULL"
                         " WHERE id = ?",
                         "i", id);
}

static const struct {
        const char *method, *query;
        int (*make)(const Statement *row, const char *user_id, RoomRequest *request);
        int (*on_answer)(Database *database, const char *user_id, int64_t id, const MatrixReply *reply);
} steps[] = {
        { "POST",
          "SELECT id, kind, name, alias FROM chat_room"
          " WHERE room_id IS NULL AND NOT taken AND candidate IS NULL AND error IS NULL AND NOT retired"
          " ORDER BY kind, name LIMIT 1",
          make_create, on_created },
        { "GET",
          "SELECT id, alias FROM chat_room"
          " WHERE room_id IS NULL AND taken AND candidate IS NULL AND error IS NULL LIMIT 1",
          make_lookup, on_looked_up },
        { "DELETE",
          "SELECT id, alias FROM chat_room WHERE room_id IS NULL AND candidate = predecessor LIMIT 1",
          make_lookup, on_alias_deleted },
        { "GET",
          "SELECT id, candidate FROM chat_room WHERE room_id IS NULL AND candidate IS NOT NULL"
          " AND candidate IS NOT predecessor LIMIT 1",
          make_read_state, on_state_read },
        { "POST",
          "SELECT m.id, r.room_id, m.user_id FROM chat_member AS m JOIN chat_room AS r ON r.id = m.room"
          " WHERE m.state = 0 AND r.room_id IS NOT NULL ORDER BY m.id LIMIT 1",
          make_invite, on_invited },
        { "POST",
          "SELECT m.id, r.room_id, m.user_id FROM chat_member AS m JOIN chat_room AS r ON r.id = m.room"
          " WHERE m.state = 2 AND r.room_id IS NOT NULL ORDER BY m.id LIMIT 1",
          make_kick, on_kicked },
        { "PUT",
          "SELECT r.id, coalesce(r.unlink, r.room_id), s.room_id, r.retired OR r.unlink NOT NULL"
          " FROM chat_room AS r JOIN chat_room AS s ON s.kind = 0"
          " WHERE r.kind != 0 AND r.room_id IS NOT NULL AND s.room_id IS NOT NULL"
          " AND (r.linked = r.retired OR r.unlink NOT NULL) LIMIT 1",
          make_link, on_linked },
        { "PUT",
          "SELECT id, name, room_id, 1 FROM chat_room"
          " WHERE hosts AND NOT hosted AND room_id IS NOT NULL LIMIT 1",
          make_host_alias, room_alias_put },
        { "DELETE",
          "SELECT id, name, room_id, 0 FROM chat_room"
          " WHERE (hosted < 0 OR hosted AND NOT hosts) AND room_id IS NOT NULL LIMIT 1",
          make_host_alias, room_alias_deleted },
        { "POST", "SELECT id, room_id, accepted FROM invitation LIMIT 1", make_reply, on_replied },
};

/* A request's id is that of its row, and its step. */
static int next_of_step(Database *database, size_t step, const char *user_id, RoomRequest *request)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row, steps[step].query, "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;

        request->id = statement_integer(row, 0) * (int64_t) ELEMENTSOF(steps) + (int64_t) step;
        request->step = (unsigned) step;
        request->method = steps[step].method;
        r = steps[step].make(row, user_id, request);
        return r < 0 ? r : 1;
}

static_assert(ELEMENTSOF(steps) <= ROOM_STEP_PIN);

int room_queue_next(Database *database, const char *user_id, uint32_t skipped, RoomRequest *ret_request)
{
        RoomRequest request = { .id = 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(steps); i++)
                if (!(skipped & UINT32_C(1) << i))
                        r = next_of_step(database, i, user_id, &request);
        if (r <= 0) {
                free(request.target);
                free(request.body);
                return r;
        }
        *ret_request = request;
        return 1;
}

int room_queue_answered(Database *database, const char *user_id, int64_t id, const MatrixReply *reply)
{
        int64_t n = (int64_t) ELEMENTSOF(steps);

        return steps[id % n].on_answer(database, user_id, id / n, reply);
}
