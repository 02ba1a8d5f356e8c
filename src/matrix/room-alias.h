/* SPDX-License-Identifier: MIT */
#pragma once

/* #host-NAME, beside #dev-NAME, of the room of a device with containers: a step of room-queue.h. Errors of
 * all functions: those of store/database.h, and -ENOMEM. */

#include "matrix/call.h"
#include "store/query.h"

/* "x" of "@ana:x". */
static inline const char *server_of(const char *user_id)
{
        const char *colon = strchr(user_id, ':');

        return colon ? colon + 1 : "";
}

/* The room of the device should have it, or should not. */
int room_alias_want(Database *database, const char *device, bool hosts);

/* Its request, of a row with id, name of the device, room, and whether it is a PUT. A DELETE has no body.
 * The caller frees both. */
int room_alias_format(const Statement *row, const char *user_id, char **ret_target, char **ret_body);
int room_alias_put(Database *database, const char *user_id, int64_t id, const MatrixReply *reply);
int room_alias_deleted(Database *database, const char *user_id, int64_t id, const MatrixReply *reply);
