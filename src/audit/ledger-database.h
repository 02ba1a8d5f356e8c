/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables of ledger.db, for devbox-ledger, which owns it, and for auditors of a copy; and the single
 * values in the table `state`. */

#include "store/database.h"

extern const DatabaseSchema ledger_schema;

/* The entries of the device's own chain from a number on, and those of a device that this hub witnesses
 * (device, number); both take a limit last. LEDGER_ENTRY_* are their columns. */
#define LEDGER_SELECT_AUDIT                                                                                 \
        "SELECT seq, prev, time_ms, type, body, hash FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?"
#define LEDGER_SELECT_REPLICA                                                                               \
        "SELECT seq, prev, time_ms, type, body, hash FROM replica_audit "                                   \
        "WHERE device = ? AND seq >= ? ORDER BY seq LIMIT ?"

/* A signed thing by its digest, and its number. */
#define LEDGER_SELECT_EVIDENCE "SELECT envelope, rowid FROM evidence WHERE digest = ?"

enum {
        LEDGER_ENTRY_SEQ,
        LEDGER_ENTRY_PREV,
        LEDGER_ENTRY_TIME,
        LEDGER_ENTRY_TYPE,
        LEDGER_ENTRY_BODY,
        LEDGER_ENTRY_HASH,
};

/* Keys of the table `state`. */
#define LEDGER_DEVICE                "device"
#define LEDGER_CHAIN_ID              "chain_id"   /* 16 bytes */
#define LEDGER_DEVICE_KEY            "device_key" /* 32 bytes: whose signatures checkpoints bear */
#define LEDGER_ROOT                  "root"       /* the current one, its envelope as text */
#define LEDGER_MANIFEST              "manifest"   /* likewise */
#define LEDGER_MANIFEST_CONFIRMED_AT "manifest_confirmed_at_ms"
#define LEDGER_TIME_FLOOR            "time_floor_ms"
#define LEDGER_ISSUED_FLOOR          "issued_floor_ms"
#define LEDGER_CHECKPOINT            "checkpoint" /* the last one that the device signed, its envelope */

/* ---- the table `state`. Writes belong inside a ChainTransaction. */

/* 1: read; 0: no such row. The caller frees texts. Errors: those of a database; -EBADMSG another size. */
int state_read_integer(Database *database, const char *key, int64_t *ret_value);
int state_read_text(Database *database, const char *key, char **ret_value);
int state_read_bytes(Database *database, const char *key, void *ret_bytes, size_t size);

int state_write_integer(Database *database, const char *key, int64_t value);
int state_write_text(Database *database, const char *key, const char *value);
int state_write_bytes(Database *database, const char *key, Bytes value);
