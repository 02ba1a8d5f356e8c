/* SPDX-License-Identifier: MIT */
#pragma once

/* Processing of what others wrote, so that one event never keeps the device from receiving the next ones.
 *
 * A response is one transaction: if the process dies in it, all of it is rolled back and received again. So
 * the event being processed is noted outside the database, in a file beside it, which outlives the process.
 * An event that two processes died of is skipped by the third; one whose processing fails is skipped
 * immediately. Not so if the machine fails, such as by a full disk: then the response fails, and is received
 * again until it can be stored. */

#include "e2ee/e2ee.h"

struct E2eeGuarded {
        const char *part;    /* of the processing, a literal: an event can fail in one part only */
        const char *room_id; /* or of a user, or of whatever else it is about; NULL: of nothing */
        const cJSON *event;  /* recognised by its event_id, or else by its content */
        const char *needed;  /* a key without which the part has nothing to do; NULL: none */
};

typedef enum GuardOutcome {
        GUARD_SKIPPED = 1,    /* and recorded in the table `poison` */
        GUARD_SKIPPED_BEFORE, /* it had been recorded already */
} GuardOutcome;

typedef int E2eeHandler(const E2eeGuarded *guarded, void *userdata);

/* Calls the handler, in a savepoint of the caller's transaction; no nesting. 0: it returned 0 or more; > 0 a
 * GuardOutcome. Errors: those of the machine that the handler returned, of store/database.h, and of
 * pwrite(2). */
int e2ee_guard(E2ee *e2ee, const E2eeGuarded *guarded, E2eeHandler *handler, void *userdata);

/* The same with each member of `guarded->event`, an array or object, whose keys are then the ids that its
 * members are about. 0: all were processed or skipped. */
int e2ee_guard_each(E2ee *e2ee, const E2eeGuarded *guarded, E2eeHandler *handler, void *userdata);
