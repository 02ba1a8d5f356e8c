/* SPDX-License-Identifier: MIT */
#pragma once

/* Verification of people by emojis: they compare them with those that the operator sees here. Only people
 * whom a manifest names are verified; their requests are accepted, which compares nothing yet.
 *
 * All functions run inside the caller's transaction. Errors of all functions: those of store/database.h, and
 * -ENOMEM. */

#include "e2ee/verification.h"

/* Texts are borrowed. */
typedef struct VerificationRow {
        const char *id, *user, *state; /* "requested", "ready", "keys", "compared", "done", "cancelled" */
        const char *device, *decimals, *reason; /* NULL: none */
        const char *emojis[SAS_EMOJIS];         /* "symbol name" */
        size_t n_emojis;                        /* 0 but in the state "keys" */
} VerificationRow;

/* Calls the handler with each; those that have ended stay for an hour. Stops at what it returns if that is
 * not 0, and returns it. */
int verification_each(E2ee *e2ee, int (*on_row)(const VerificationRow *row, void *userdata), void *userdata);

/* After each sync: accepts the requests of people whom a manifest names, and forgets those of others. */
int verification_screen(Database *database, E2ee *e2ee);

/* Asks a person in #operator-approvals. The caller frees the id. Errors: also -ENOENT no manifest pins the
 * identity that the user has, so that they could not read it; -EAGAIN the room does not exist yet. */
int verification_start(Database *database, E2ee *e2ee, const char *user_id, char **ret_id);

/* The operator has compared, and the emojis are the same, or differ; or does not want to compare. Errors:
 * also -ENOENT no such id; -EINVAL another state. */
int verification_confirm(E2ee *e2ee, const char *id);
int verification_cancel(E2ee *e2ee, const char *id);
