/* SPDX-License-Identifier: MIT */
#pragma once

/* What people write in rooms, and who of them is listened to.
 *
 * A command is a line that begins with '!', encrypted, written once, by a device that its owner's pinned
 * identity has signed. Everything else that looks like one is answered with what to do about it, and never
 * becomes one. */

#include "e2ee/e2ee.h"

typedef struct Timeline {
        Database *database;
        E2ee *e2ee;
        const char *user_id; /* ours */
        bool initial;        /* the first sync of the store: its timelines begin anywhere */
} Timeline;

/* rooms.join of a sync response, in its transaction, after e2ee_receive_sync(); then what could be decrypted
 * since. Errors: those of store/database.h, and -ENOMEM. */
int timeline_receive(const Timeline *timeline, const cJSON *joined);
