/* SPDX-License-Identifier: MIT */
/* The tables of mesh.db. A released migration is never changed: add a new one. */

#include "mesh/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "basic/fd.h"

/* clang-format off */
static const char *const migrations[] = {
        /* This machine; no row: no role. private_key: the sealed file with the WireGuard key in use.
         * join_state: how far a device has come (dbus/org.devbox.Mesh1.xml). */
        "CREATE TABLE node("
        "        id          INTEGER PRIMARY KEY CHECK (id = 1),"
        "        role        TEXT    NOT NULL CHECK (role IN ('hub', 'device')),"
        "        network     TEXT    NOT NULL,"
        "        prefix      TEXT    NOT NULL,"
        "        address     TEXT    NOT NULL,"
        "        hub_address TEXT    NOT NULL,"
        "        listen_port INTEGER NOT NULL,"
        "        private_key TEXT    NOT NULL,"
        "        join_state  TEXT    NOT NULL"
        ") STRICT;"
        /* Where the hub is reached from outside. */
        "CREATE TABLE endpoint("
        "        position INTEGER PRIMARY KEY,"
        "        host     TEXT    NOT NULL,"
        "        port     INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE root("
        "        version  INTEGER PRIMARY KEY,"
        "        envelope TEXT    NOT NULL"
        ") STRICT;"

        /* The other ends; on a device the only one is `hub`. A revoked device keeps its row, so that name
         * and address remain its own. */
        "CREATE TABLE device("
        "        name          TEXT    PRIMARY KEY,"
        "        state         TEXT    NOT NULL CHECK (state IN ('joining', 'active', 'revoked')),"
        "        address       TEXT    NOT NULL UNIQUE,"
        "        keepalive_sec INTEGER NOT NULL,"
        "        device_key    BLOB    NOT NULL CHECK (length(device_key) = 32),"
        "        chain_id      BLOB    NOT NULL CHECK (length(chain_id) = 16),"
        "        description   TEXT    NOT NULL,"
        "        since_ms      INTEGER NOT NULL,"
        /* What was announced: that it is stale; the end of the manifest that expires (0: none). */
        "        stale         INTEGER NOT NULL DEFAULT 0,"
        "        warned_of_ms  INTEGER NOT NULL DEFAULT 0,"
        /* Where WireGuard saw it last; empty: nowhere. */
        "        endpoint      TEXT    NOT NULL DEFAULT ''"
        ") STRICT, WITHOUT ROWID;"

        /* Every WireGuard key that was ever used: rows are never deleted, and a revoked key stays so. A
         * device has one current key; staged and retiring ones are for rotation. `psk`: a box. */
        "CREATE TABLE wireguard_key("
        "        public_key BLOB    PRIMARY KEY CHECK (length(public_key) = 32),"
        "        device     TEXT    NOT NULL REFERENCES device(name),"
        "        use        TEXT    NOT NULL CHECK (use IN ('staged', 'current', 'retiring', 'revoked')),"
        "        psk        BLOB    NOT NULL,"
        "        since_ms   INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE UNIQUE INDEX wireguard_key_current ON wireguard_key(device) WHERE use = 'current';"
        "CREATE TRIGGER wireguard_key_no_delete BEFORE DELETE ON wireguard_key"
        " BEGIN SELECT RAISE(ABORT, 'keys are never forgotten'); END;"
        "CREATE TRIGGER wireguard_key_no_return BEFORE UPDATE ON wireguard_key"
        " WHEN OLD.use = 'revoked' AND NEW.use != 'revoked'"
        " BEGIN SELECT RAISE(ABORT, 'a revoked key never returns'); END;"

        /* Invitations. The secret is a box, and NULL once it is not needed any more; its digest stays. The
         * bootstrap peer is loaded while bootstrap_key is not NULL. Deadlines: of the wall clock, and of
         * CLOCK_BOOTTIME while boot_id is the current one; the earlier counts. */
        "CREATE TABLE token("
        "        id                   BLOB    PRIMARY KEY CHECK (length(id) = 16),"
        "        device               TEXT    NOT NULL,"
        "        state                TEXT    NOT NULL CHECK (state IN"
        "                             ('issued', 'claimed', 'held', 'spent', 'expired', 'withdrawn')),"
        "        secret               BLOB,"
        "        secret_sha256        BLOB    NOT NULL,"
        "        root_sha256          BLOB    NOT NULL,"
        "        device_key_sha256    BLOB    NOT NULL," /* its start; zeros: not bound */
        "        address              TEXT    NOT NULL,"
        "        keepalive_sec        INTEGER NOT NULL,"
        "        deadline_ms          INTEGER NOT NULL,"
        "        deadline_boottime_ms INTEGER NOT NULL,"
        "        boot_id              TEXT    NOT NULL,"
        "        bootstrap_key        BLOB    UNIQUE,"
        "        bootstrap_psk        BLOB," /* a box */
        "        bootstrap_address    TEXT    UNIQUE,"
        /* Of the claim. */
        "        claim_sha256         BLOB    UNIQUE,"
        "        claimed_at_ms        INTEGER,"
        "        source               TEXT,"
        "        description          TEXT,"
        "        device_key           BLOB,"
        "        wireguard_key        BLOB,"
        "        ephemeral_key        BLOB,"
        "        hub_nonce            BLOB,"
        /* Of the admission. */
        "        hub_ephemeral        BLOB,"
        "        lost_size            INTEGER,"
        "        lost_head            BLOB,"
        "        CHECK (state NOT IN ('claimed', 'held', 'spent') OR claim_sha256 IS NOT NULL)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE UNIQUE INDEX token_open ON token(device) WHERE state IN ('issued', 'claimed', 'held');"
        "CREATE UNIQUE INDEX token_address ON token(address) WHERE state IN ('issued', 'claimed', 'held');"

        /* On a device, how it joins. `token` and `claim` are boxes of the token and of the claim's body,
         * which hold the secret; `ephemeral` of the secret half of the claim's key. */
        "CREATE TABLE joining("
        "        id        INTEGER PRIMARY KEY CHECK (id = 1),"
        "        token     BLOB NOT NULL,"
        "        ephemeral BLOB NOT NULL,"
        "        claim     BLOB NOT NULL,"
        "        signature BLOB,"
        "        answer    TEXT" /* of the hub, once it admitted the device */
        ") STRICT;"

        /* Signed manifests of devices, and of `hub`: the last of a device is the one in force. */
        "CREATE TABLE manifest("
        "        device        TEXT    NOT NULL,"
        "        epoch         INTEGER NOT NULL,"
        "        version       INTEGER NOT NULL,"
        "        digest        BLOB    NOT NULL CHECK (length(digest) = 32),"
        "        expires_at_ms INTEGER NOT NULL,"
        "        envelope      TEXT    NOT NULL,"
        "        PRIMARY KEY (device, epoch, version)"
        ") STRICT, WITHOUT ROWID;"

        /* What the ledger has not acknowledged yet, in order. member: the method of org.devbox.Ledger1. An
         * event has a ULID as its id, so that it is recorded once. */
        "CREATE TABLE outbox("
        "        seq        INTEGER PRIMARY KEY AUTOINCREMENT,"
        "        member     TEXT    NOT NULL CHECK (member IN ('Record', 'Pin', 'Unpin')),"
        "        device     TEXT    NOT NULL,"
        "        id         TEXT,"
        "        kind       TEXT,"
        "        detail     TEXT,"
        "        chain_id   BLOB,"
        "        device_key BLOB"
        ") STRICT;",

        /* Events of a week, for clients that did not run when they were announced: mesh/event.h. `hour`:
         * of time_ms, since the epoch. */
        "CREATE TABLE alarm("
        "        kind    TEXT    NOT NULL,"
        "        device  TEXT    NOT NULL,"
        "        hour    INTEGER NOT NULL,"
        "        time_ms INTEGER NOT NULL,"
        "        detail  TEXT    NOT NULL,"
        "        PRIMARY KEY (kind, device, hour)"
        ") STRICT, WITHOUT ROWID;",
};
/* clang-format on */

const DatabaseSchema mesh_schema = {
        .application_id = 0x4442584d, /* "DBXM" */
        .migrations = migrations,
        .n_migrations = ELEMENTSOF(migrations),
};

int store_init(Store *store, const char *directory, const char *credentials)
{
        *store = STORE_NULL;
        store->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->directory_fd < 0)
                return -errno;
        if (flock(store->directory_fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (asprintf(&store->path, "%s/mesh.db", directory) < 0) {
                store->path = NULL;
                return -ENOMEM;
        }

        int r = seal_load(store->directory_fd, credentials, &store->seal);
        return r < 0 ? r : seal_derive(store->seal, "mesh.db", &store->box_key);
}

void store_done(Store *store)
{
        store_close(store);
        store->box_key = secret_free(store->box_key);
        store->seal = secret_free(store->seal);
        free(TAKE_PTR(store->path));
        store->directory_fd = fd_close(store->directory_fd);
}

int store_open(Store *store)
{
        _cleanup_(database_closep) Database *database = NULL;

        int r = database_open(store->path, DATABASE_OWN, &mesh_schema, &database);
        if (r < 0)
                return r;
        r = database_run(database, "PRAGMA busy_timeout = 0");
        if (r < 0)
                return r;

        store->database = TAKE_PTR(database);
        return 0;
}

void store_close(Store *store)
{
        store->database = database_close(store->database);
}

void store_box_seal(const Store *store, const void *key, uint8_t ret_box[static STORE_BOX_SIZE])
{
        int r = secretbox_seal(store->box_key, BYTES(key, SEALED_KEY_SIZE), ret_box);
        assert(r >= 0); /* the key has its size */
        (void) r;
}

int store_box_open(const Store *store, Bytes box, void *ret_key)
{
        return box.size == STORE_BOX_SIZE ? secretbox_open_into(store->box_key, box, ret_key) : -EBADMSG;
}
