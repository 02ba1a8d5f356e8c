/* SPDX-License-Identifier: MIT */
#pragma once

/* matrix.db: the tables of src/e2ee and those of this folder, so that what a sync response changes here and
 * there is one transaction. */

#include "store/database.h"

extern const DatabaseSchema matrix_schema;

/* Errors: those of database_open(). */
int matrix_database_open(const char *path, Database **ret_database);
