/* SPDX-License-Identifier: MIT */
#pragma once

/* What people should know of without having asked: a message in #operator-approvals, once for each key,
 * which is taken back when it is over. All functions run inside the caller's transaction. Errors of all
 * functions: those of store/database.h, and -ENOMEM. */

#include "store/database.h"

/* Until the room exists nothing is announced, and the next call with the key tries again. */
int alert_raise(Database *database, const char *key, const char *line);

/* The message becomes this line. No effect if nothing is raised under the key. */
int alert_end(Database *database, const char *key, const char *line);

/* The first key after this one under which an alert is raised and not over. 1: there is one, which the
 * caller frees. */
int alert_next_open(Database *database, const char *after_key, char **ret_key);

/* The message was sent; NULL: refused. */
int alert_sent(Database *database, const char *key, const char *event_id);
