/* SPDX-License-Identifier: MIT */
#pragma once

/* What people write in rooms, and who of them is listened to.
 *
 * A command is a line that begins with '!', encrypted, written once, by a device that its owner's pinned
 * identity has signed. Everything else that looks like one is answered with what to do about it, and never
 * becomes one. */

#include "e2ee/e2ee.h"
#include "matrix/call.h"

typedef struct Timeline {
        Database *database;
        E2ee *e2ee;
        const char *user_id; /* ours */
        const char *since;   /* NULL: the first sync of the store, whose timelines begin anywhere */
} Timeline;

/* rooms.join of a sync response, in its transaction, after e2ee_receive_sync(); then what could be decrypted
 * since. Errors: those of store/database.h, and -ENOMEM. */
int timeline_receive(const Timeline *timeline, const cJSON *joined);

/* The answer to a page of gap.h; then all that waited, if it was the last one. Errors: as above. */
int timeline_receive_page(const Timeline *timeline, int64_t gap, const MatrixReply *reply);
