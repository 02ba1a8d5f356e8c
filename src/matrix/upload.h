/* SPDX-License-Identifier: MIT */
#pragma once

/* Files on their way to rooms: encrypted here, uploaded, then announced by a message with the key. The
 * ciphertext is kept, in pieces, until the homeserver has it: no file is in memory as a whole. An upload
 * whose answer was lost is made again: the homeserver then has a file that no message names, and deletes it
 * some day.
 *
 * Unlike an event, an upload that fails too often is given up: it must not hold the queue up for ever. All
 * functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include <sys/types.h>

#include "basic/bytes.h"
#include "matrix/call.h"
#include "store/database.h"

typedef struct UploadFile {
        const char *room_id;
        const char *name;              /* shown, and proposed when it is saved */
        const char *type;              /* "text/plain" */
        Bytes content;                 /* at most ATTACHMENT_SIZE_MAX */
        const char *reply_to, *thread; /* as in Answer */
} UploadFile;

int upload_add(Database *database, const UploadFile *file);

/* A file whose content arrives in parts. */
typedef struct UploadWriter UploadWriter;

int upload_writer_new(Database *database, UploadWriter **ret_writer);

/* Drops what was written, unless it was finished. Returns NULL. */
UploadWriter *upload_writer_free(UploadWriter *writer);
DEFINE_CLEANUP(UploadWriter, upload_writer_free);

int upload_writer_add(UploadWriter *writer, Bytes content);

/* From here on it is uploaded. The content of `file` is not used. */
int upload_writer_finish(UploadWriter *writer, const UploadFile *file);

/* Drops what earlier processes did not finish. */
int upload_recover(Database *database);

/* The first one whose time has come. 1: there is one; 2: later. */
int upload_next(Database *database, int64_t now_ms, int64_t *ret_id, size_t *ret_size);

/* Part of the ciphertext, from that byte on: its size, 0 at the end. */
ssize_t upload_read(Database *database, int64_t id, size_t at, char *buffer, size_t size);

/* Adds the message to the outbox, or one that says why there is no file, or repeats it later. */
int upload_answered(Database *database, int64_t now_ms, int64_t id, const MatrixReply *reply);
