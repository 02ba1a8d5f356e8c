/* SPDX-License-Identifier: MIT */
/* Files on their way to rooms. */

#include "matrix/upload.h"

#include <stdio.h>

#include "e2ee/attachment.h"
#include "e2ee/json.h"
#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "store/query.h"

/* Ten attempts in at least nine minutes. */
#define ATTEMPTS_MAX 10
#define RETRY_MS     INT64_C(12000) /* times the attempts so far */

#define PIECE_SIZE ((size_t) 32 * 1024)

/* ---- what is written */

struct UploadWriter {
        Database *database;
        int64_t id, size;
        AttachmentWriter *cipher;
};

UploadWriter *upload_writer_free(UploadWriter *writer)
{
        if (!writer)
                return NULL;

        int r = query_run(writer->database, "DELETE FROM upload WHERE id = ? AND content = ''", "i",
                          writer->id);
        if (r < 0)
                (void) log_debug_errno(r, "Cannot drop a file, leaving it to the next start");
        attachment_writer_free(writer->cipher);
        free(writer);
        return NULL;
}

int upload_writer_new(Database *database, UploadWriter **ret_writer)
{
        _cleanup_(upload_writer_freep) UploadWriter *writer = calloc(1, sizeof *writer);

        if (!writer)
                return -ENOMEM;
        writer->database = database;
        int r = attachment_writer_new(&writer->cipher);
        if (r == 0)
                r = query_integer(database, &writer->id,
                                  "INSERT INTO upload(room_id, content) VALUES ('', '') RETURNING id", "");
        if (r < 0)
                return r;

        *ret_writer = TAKE_PTR(writer);
        return 0;
}

int upload_writer_add(UploadWriter *writer, Bytes content)
{
        uint8_t cipher[PIECE_SIZE];
        int r = 0;

        for (size_t at = 0, n; at < content.size && r == 0; at += n) {
                n = MIN(content.size - at, sizeof cipher);
                r = attachment_writer_add(writer->cipher, BYTES(content.data + at, n), cipher);
                if (r == 0)
                        r = query_run(writer->database,
                                      "INSERT INTO upload_piece(upload, at, cipher) VALUES (?, ?, ?)", "iib",
                                      writer->id, writer->size, BYTES(cipher, n));
                if (r == 0)
                        writer->size += (int64_t) n;
        }
        return r;
}

int upload_writer_finish(UploadWriter *writer, const UploadFile *file)
{
        _cleanup_(json_freep) cJSON *content = NULL;
        _cleanup_(freep) char *text = NULL;
        cJSON *encrypted = NULL, *relation = NULL;

        int r = answer_relation(file->reply_to, file->thread, &relation);
        if (r == 0)
                r = attachment_writer_describe(writer->cipher, &encrypted);
        if (r < 0) {
                cJSON_Delete(relation);
                return r;
        }
        r = json_pack(
                &content,
                "{msgtype:s,body:s,filename:s,info:{mimetype:s,size:i},file:o,m.mentions:{},m.relates_to:o}",
                "m.file", file->name, file->name, file->type, writer->size, encrypted, relation);
        if (r == 0)
                r = canonical_json(content, false, &text);
        return r < 0 ? r
                     : query_run(writer->database, "UPDATE upload SET room_id = ?, content = ? WHERE id = ?",
                                 "tti", file->room_id, text, writer->id);
}

int upload_add(Database *database, const UploadFile *file)
{
        _cleanup_(upload_writer_freep) UploadWriter *writer = NULL;

        int r = upload_writer_new(database, &writer);
        if (r == 0)
                r = upload_writer_add(writer, file->content);
        return r < 0 ? r : upload_writer_finish(writer, file);
}

int upload_recover(Database *database)
{
        return query_run(database, "DELETE FROM upload WHERE content = ''", "");
}

/* ---- what is uploaded */

int upload_next(Database *database, int64_t now_ms, int64_t *ret_id, size_t *ret_size)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT id, retry_ms, (SELECT sum(length(cipher)) FROM upload_piece WHERE upload = id)"
                      " FROM upload WHERE content <> '' ORDER BY retry_ms, id LIMIT 1",
                      "");
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;
        if (statement_integer(row, 1) > now_ms)
                return 2;

        *ret_id = statement_integer(row, 0);
        *ret_size = (size_t) statement_integer(row, 2);
        return 1;
}

ssize_t upload_read(Database *database, int64_t id, size_t at, char *buffer, size_t size)
{
        _cleanup_(statement_resetp) Statement *row = NULL;

        int r = query(database, &row,
                      "SELECT at, cipher FROM upload_piece WHERE upload = ? AND at <= ?"
                      " ORDER BY at DESC LIMIT 1",
                      "ii", id, (int64_t) at);
        if (r == 0)
                r = statement_step(row);
        if (r <= 0)
                return r;

        Bytes piece = statement_bytes(row, 1);
        size_t skipped = at - (size_t) statement_integer(row, 0), n = MIN(piece.size - skipped, size);
        if (skipped >= piece.size)
                return 0;
        memcpy(buffer, piece.data + skipped, n);
        return (ssize_t) n;
}

/* ---- the end of an attempt */

/* `content` with the address, which is the server's choice; it need not be true, as the hash is in it. */
static int announce(Database *database, const char *room_id, cJSON *content, const char *uri)
{
        int r = object_put_string(object_enter(content, "file"), "url", uri);

        if (r < 0) {
                cJSON_Delete(content);
                return r;
        }
        return outbox_add_take(database, room_id, "m.room.message", content);
}

/* The message says why there is no file, instead of it. */
static int explain(Database *database, const char *room_id, cJSON *content, const char *code)
{
        _cleanup_(json_freep) cJSON *owned = content;
        char line[256];

        (void) snprintf(line, sizeof line, "%s could not be uploaded: %s.",
                        strempty(object_string(content, "body")),
                        streq(code, "M_TOO_LARGE") ? "it is larger than this homeserver allows"
                                                   : "the homeserver does not take it");
        cJSON_DeleteItemFromObjectCaseSensitive(owned, "file");
        cJSON_DeleteItemFromObjectCaseSensitive(owned, "filename");
        cJSON_DeleteItemFromObjectCaseSensitive(owned, "info");
        int r = object_put_string(owned, "msgtype", "m.notice");
        if (r == 0)
                r = object_put_string(owned, "body", line);
        return r < 0 ? r : outbox_add_take(database, room_id, "m.room.message", TAKE_PTR(owned));
}

/* Whether it is tried again; `attempts` were made before. */
static bool may_succeed_later(const MatrixReply *reply, int64_t attempts)
{
        bool undecided = reply->error < 0 || reply->status == 429 || reply->status / 100 == 5;

        return undecided && attempts + 1 < ATTEMPTS_MAX;
}

static int finish(Database *database, int64_t id, const char *room_id, cJSON *content,
                  const MatrixReply *reply)
{
        const char *uri = matrix_reply_is_success(reply) ? object_string(reply->body, "content_uri") : NULL;

        int r = uri && startswith(uri, "mxc://")
                        ? announce(database, room_id, content, uri)
                        : explain(database, room_id, content, matrix_reply_code(reply));
        return r < 0 ? r : query_run(database, "DELETE FROM upload WHERE id = ?", "i", id);
}

int upload_answered(Database *database, int64_t now_ms, int64_t id, const MatrixReply *reply)
{
        _cleanup_(freep) char *room_id = NULL, *text = NULL;
        int64_t attempts = 0;
        cJSON *content = NULL;

        int r = query_integer(database, &attempts, "SELECT attempts FROM upload WHERE id = ?", "i", id);
        if (r <= 0)
                return r;
        if (may_succeed_later(reply, attempts))
                return query_run(database,
                                 "UPDATE upload SET attempts = attempts + 1, retry_ms = ? WHERE id = ?",
                                 "ii", now_ms + (attempts + 1) * RETRY_MS, id);

        r = query_text(database, &room_id, "SELECT room_id FROM upload WHERE id = ?", "i", id);
        if (r >= 0)
                r = query_text(database, &text, "SELECT content FROM upload WHERE id = ?", "i", id);
        if (r >= 0)
                r = matrix_json_parse(bytes_of_string(text), SIZE_MAX, &content);
        return r < 0 ? r : finish(database, id, room_id, content, reply);
}
