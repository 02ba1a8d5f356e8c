/* SPDX-License-Identifier: MIT */
#pragma once

/* What people should know of without having asked: a message in #operator-approvals, once for each key,
 * which is taken back when it is over. All functions run inside the caller's transaction. Errors of all
 * functions: those of store/database.h, and -ENOMEM. */

#include "store/database.h"

/* Until a person can read it there, nothing is announced, and the next call with the key tries again. */
int alert_raise(Database *database, const char *key, const char *line);

/* What has happened, and has no end: announced once for the key, as long as it is among the last thousand
 * that are over. */
int alert_announce(Database *database, const char *key, const char *line);

/* The message becomes this line. No effect if nothing is raised under the key. */
int alert_end(Database *database, const char *key, const char *line);

/* Ends the alerts of a kind, which is the beginning of their keys, for each name behind it that is not in it
 * any more: the message becomes the name and this sentence. */
int alert_end_others(Database *database, const char *kind,
                     bool (*is_in)(const void *userdata, const char *name), const void *userdata,
                     const char *sentence);

/* The message was sent; NULL: refused. */
int alert_sent(Database *database, const char *key, const char *event_id);
