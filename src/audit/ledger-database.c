/* SPDX-License-Identifier: MIT */
/* The tables of ledger.db. A released migration is never changed: add a new one. */

#include "audit/ledger-database.h"

/* clang-format off */
static const char *const migrations[] = {
        /* The chain, append-only; the triggers guard against our own mistakes. */
        "CREATE TABLE audit("
        "        seq     INTEGER PRIMARY KEY,"
        "        prev    BLOB    NOT NULL CHECK (length(prev) = 32),"
        "        time_ms INTEGER NOT NULL,"
        "        type    INTEGER NOT NULL,"
        "        body    BLOB    NOT NULL,"
        "        hash    BLOB    NOT NULL CHECK (length(hash) = 32)"
        ") STRICT;"
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
        " BEGIN SELECT RAISE(ABORT, 'the chain only grows'); END;"
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
        " BEGIN SELECT RAISE(ABORT, 'the chain only grows'); END;"

        /* Requests, until they can no longer be replayed. `entry` (NULL: denied) and `accepted_at_ms` are
         * for rate limits; after `start_until_ms` it may not start. state: RequestState of
         * src/ledger/requests.h. */
        "CREATE TABLE request("
        "        request_id     TEXT    PRIMARY KEY,"
        "        digest         BLOB    NOT NULL CHECK (length(digest) = 32),"
        "        nonce          BLOB    NOT NULL UNIQUE CHECK (length(nonce) = 16),"
        "        entry          TEXT,"
        "        accepted_at_ms INTEGER,"
        "        start_until_ms INTEGER NOT NULL,"
        "        keep_until_ms  INTEGER NOT NULL,"
        "        state          INTEGER NOT NULL,"
        "        seq            INTEGER NOT NULL REFERENCES audit(seq),"
        "        result         TEXT"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX request_rate ON request(entry, accepted_at_ms) WHERE entry IS NOT NULL;"
        "CREATE INDEX request_keep ON request(keep_until_ms);"
        "CREATE INDEX request_open ON request(state) WHERE state IN (1, 2);"

        /* Used approvals, kept as long as their request. */
        "CREATE TABLE approval("
        "        digest        BLOB    PRIMARY KEY CHECK (length(digest) = 32),"
        "        keep_until_ms INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX approval_keep ON approval(keep_until_ms);"

        /* The signed documents that entries name by digest, for auditors: roots, manifests, approvals, and
         * requests without redacted arguments. */
        "CREATE TABLE evidence("
        "        digest   BLOB PRIMARY KEY CHECK (length(digest) = 32),"
        "        envelope TEXT NOT NULL"
        ") STRICT;"

        "CREATE TABLE state("
        "        key   TEXT PRIMARY KEY,"
        "        value ANY  NOT NULL"
        ") STRICT, WITHOUT ROWID;"

        /* On a hub: the devices that it witnesses, how far it has seen their chains, and the entries. */
        "CREATE TABLE replica("
        "        device     TEXT    PRIMARY KEY,"
        "        chain_id   BLOB    NOT NULL CHECK (length(chain_id) = 16),"
        "        device_key BLOB    NOT NULL CHECK (length(device_key) = 32),"
        "        size       INTEGER NOT NULL DEFAULT 0,"
        "        head       BLOB    NOT NULL CHECK (length(head) = 32),"
        "        checkpoint TEXT," /* the last, with both signatures */
        "        quarantine TEXT"  /* NULL, or the error code */
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE replica_audit("
        "        device  TEXT    NOT NULL REFERENCES replica(device),"
        "        seq     INTEGER NOT NULL,"
        "        prev    BLOB    NOT NULL CHECK (length(prev) = 32),"
        "        time_ms INTEGER NOT NULL,"
        "        type    INTEGER NOT NULL,"
        "        body    BLOB    NOT NULL,"
        "        hash    BLOB    NOT NULL CHECK (length(hash) = 32),"
        "        PRIMARY KEY (device, seq)"
        ") STRICT, WITHOUT ROWID;"

        /* Two checkpoints of a device that contradict each other; never deleted. */
        "CREATE TABLE replica_proof("
        "        device  TEXT NOT NULL REFERENCES replica(device),"
        "        reason  TEXT NOT NULL,"
        "        seen    TEXT,"
        "        claimed TEXT NOT NULL,"
        "        UNIQUE (device, claimed)"
        ") STRICT;",

        /* Ids and nonces are those of one dispatcher, so that another cannot use them up; rows from before
         * belong to none, and are found by their digest. A request starts only under the `manifest` that it
         * was accepted under. */
        "ALTER TABLE request RENAME TO request_1;"
        "DROP INDEX request_rate;"
        "DROP INDEX request_keep;"
        "DROP INDEX request_open;"
        "CREATE TABLE request("
        "        dispatcher     BLOB    NOT NULL CHECK (length(dispatcher) = 32),"
        "        request_id     TEXT    NOT NULL,"
        "        digest         BLOB    NOT NULL CHECK (length(digest) = 32),"
        "        nonce          BLOB    NOT NULL CHECK (length(nonce) = 16),"
        "        manifest       BLOB    NOT NULL CHECK (length(manifest) = 32),"
        "        entry          TEXT,"
        "        accepted_at_ms INTEGER,"
        "        start_until_ms INTEGER NOT NULL,"
        "        keep_until_ms  INTEGER NOT NULL,"
        "        state          INTEGER NOT NULL,"
        "        seq            INTEGER NOT NULL REFERENCES audit(seq),"
        "        result         TEXT,"
        "        PRIMARY KEY (dispatcher, request_id),"
        "        UNIQUE (dispatcher, nonce)"
        ") STRICT, WITHOUT ROWID;"
        "INSERT INTO request SELECT zeroblob(32), request_id, digest, nonce, zeroblob(32), entry,"
        " accepted_at_ms, start_until_ms, keep_until_ms, state, seq, result FROM request_1;"
        "DROP TABLE request_1;"
        "CREATE INDEX request_id ON request(request_id);"
        "CREATE INDEX request_digest ON request(digest);"
        "CREATE INDEX request_rate ON request(entry, accepted_at_ms) WHERE entry IS NOT NULL;"
        "CREATE INDEX request_keep ON request(keep_until_ms);"
        "CREATE INDEX request_open ON request(state) WHERE state IN (1, 2);",

        /* On a hub: the ids of recorded events, so that a repeated one adds no entry; and whether a device
         * was revoked, so that its checkpoints are rejected until it is pinned again. */
        "CREATE TABLE event("
        "        id  TEXT    PRIMARY KEY,"
        "        seq INTEGER NOT NULL REFERENCES audit(seq)"
        ") STRICT, WITHOUT ROWID;"
        "ALTER TABLE replica ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;",

        /* The connection on the bus that a request was accepted for. */
        "ALTER TABLE request ADD COLUMN agent TEXT;",

        /* On a hub: the signed documents behind the entries of the devices that it witnesses. */
        "CREATE TABLE replica_evidence("
        "        device   TEXT NOT NULL REFERENCES replica(device),"
        "        digest   BLOB NOT NULL CHECK (length(digest) = 32),"
        "        envelope TEXT NOT NULL,"
        "        UNIQUE (device, digest)"
        ") STRICT;",
};
/* clang-format on */

const DatabaseSchema ledger_schema = {
        .application_id = 0x44425831, /* "DBX1" */
        .migrations = migrations,
        .n_migrations = ELEMENTSOF(migrations),
};

/* ---- state */

#define READ "SELECT value FROM state WHERE key = ?"
#define WRITE                                                                                               \
        "INSERT INTO state(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value"

int state_read_integer(Database *database, const char *key, int64_t *ret_value)
{
        return query_integer(database, ret_value, READ, "t", key);
}

int state_read_text(Database *database, const char *key, char **ret_value)
{
        return query_text(database, ret_value, READ, "t", key);
}

int state_read_bytes(Database *database, const char *key, void *ret_bytes, size_t size)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(database, &rows, READ, "t", key);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        r = statement_copy_bytes(rows, 0, ret_bytes, size);
        return r < 0 ? r : 1;
}

int state_read_identity(Database *database, ChainIdentity *ret_identity)
{
        _cleanup_(freep) char *device = NULL;
        ChainIdentity identity;

        int r = state_read_text(database, LEDGER_DEVICE, &device);
        if (r <= 0)
                return r;
        if (!device_name_valid(device))
                return -EBADMSG;
        r = state_read_bytes(database, LEDGER_CHAIN_ID, identity.chain.bytes, CHAIN_ID_SIZE);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        memcpy(identity.device, device, strlen(device) + 1);
        *ret_identity = identity;
        return 1;
}

int state_write_integer(Database *database, const char *key, int64_t value)
{
        return query_run(database, WRITE, "ti", key, value);
}

int state_write_text(Database *database, const char *key, const char *value)
{
        return query_run(database, WRITE, "tt", key, value);
}

int state_write_bytes(Database *database, const char *key, Bytes value)
{
        return query_run(database, WRITE, "tb", key, value);
}
