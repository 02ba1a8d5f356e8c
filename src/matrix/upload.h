/* SPDX-License-Identifier: MIT */
#pragma once

/* Files on their way to rooms: encrypted here, uploaded, then announced by a message with the key. The
 * ciphertext is kept until the homeserver has it. An upload whose answer was lost is made again: the
 * homeserver then has a file that no message names, and deletes it some day.
 *
 * Unlike an event, an upload that fails too often is given up: it must not hold the queue up for ever. All
 * functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

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

/* The first one whose time has come. 1: there is one; 2: later; the caller frees the ciphertext. */
int upload_next(Database *database, int64_t now_ms, int64_t *ret_id, char **ret_cipher, size_t *ret_size);

/* Adds the message to the outbox, or one that says why there is no file, or repeats it later. */
int upload_answered(Database *database, int64_t now_ms, int64_t id, const MatrixReply *reply);
