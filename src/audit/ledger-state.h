/* SPDX-License-Identifier: MIT */
#pragma once

/* The few single values that the ledger remembers: rows of the table `state`, whose keys
 * store/ledger-schema.h names. Writing belongs inside a ChainTransaction. */

#include "audit/ledger-schema.h"

/* 1: read; 0: there is none, the output is as it was. The caller frees texts. Errors: those of a database;
 * -EBADMSG it has another size. */
int state_read_integer(Database *database, const char *key, int64_t *ret_value);
int state_read_text(Database *database, const char *key, char **ret_value);
int state_read_bytes(Database *database, const char *key, void *ret_bytes, size_t size);

int state_write_integer(Database *database, const char *key, int64_t value);
int state_write_text(Database *database, const char *key, const char *value);
int state_write_bytes(Database *database, const char *key, Bytes value);
