/* SPDX-License-Identifier: MIT */
#pragma once

/* What database.c and query.c share. */

#include <sqlite3.h>
#include <time.h>

#include "store/database.h"

/* What changes when a database is written. */
typedef struct Version {
        struct timespec modified[2]; /* of the file and of its WAL */
        off_t size[2];
} Version;

struct Database {
        sqlite3 *handle;
        struct Statement *statements; /* prepared by query.c */
        char *path;                   /* of a copy, to notice that it is none; else NULL */
        Version version;
};

/* 0 or -errno of a result code of SQLite. */
int database_error(int code);

/* query.c */
void statements_free(struct Statement *first);
