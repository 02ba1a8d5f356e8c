/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables of ledger.db, for devbox-ledger, which owns it, and for auditors of a copy; and the single
 * values in the table `state`. */

#include "audit/entry.h"
#include "store/query.h"

extern const DatabaseSchema ledger_schema;

/* Keys of the table `state`. */
#define LEDGER_DEVICE                "device"
#define LEDGER_CHAIN_ID              "chain_id"   /* 16 bytes */
#define LEDGER_DEVICE_KEY            "device_key" /* 32 bytes: signs checkpoints */
#define LEDGER_ROOT                  "root"       /* the current one, as an envelope */
#define LEDGER_MANIFEST              "manifest"   /* likewise */
#define LEDGER_MANIFEST_CONFIRMED_AT "manifest_confirmed_at_ms"
#define LEDGER_CONFIRMATION_LOGGED   "confirmation_logged_ms" /* the last confirmation that has an entry */
#define LEDGER_TIME_FLOOR            "time_floor_ms"
#define LEDGER_ISSUED_FLOOR          "issued_floor_ms"
#define LEDGER_CHECKPOINT            "checkpoint" /* the last that the device signed, as an envelope */
#define LEDGER_COSIGNED              "cosigned_"  /* and the key of a witness: the last size it signed */

/* ---- the table `state`. Writes belong inside a ChainTransaction. */

/* 1: read; 0: no such row. The caller frees texts. Errors: those of a database; -EBADMSG another size. */
int state_read_integer(Database *database, const char *key, int64_t *ret_value);
int state_read_text(Database *database, const char *key, char **ret_value);
int state_read_bytes(Database *database, const char *key, void *ret_bytes, size_t size);

/* The device and id of the own chain. 1: read; 0: not enrolled. Errors also: -EBADMSG not a device and id.
 */
int state_read_identity(Database *database, ChainIdentity *ret_identity);

int state_write_integer(Database *database, const char *key, int64_t value);
int state_write_text(Database *database, const char *key, const char *value);
int state_write_bytes(Database *database, const char *key, Bytes value);
