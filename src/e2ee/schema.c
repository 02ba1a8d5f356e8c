/* SPDX-License-Identifier: MIT */
/* The tables. Times are milliseconds of CLOCK_REALTIME; keys are unpadded base64; pickles and sealed keys
 * are encrypted under the caller's key. */

#include "e2ee/schema.h"

const char e2ee_tables[] =
        /* One row. `generation` counts openings of the store: see e2ee/generation.h. */
        "CREATE TABLE account("
        " id INTEGER PRIMARY KEY CHECK (id = 1), user_id TEXT NOT NULL, device_id TEXT NOT NULL,"
        " pickle TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0,"
        " uploaded INTEGER NOT NULL DEFAULT 0, one_time_keys INTEGER NOT NULL DEFAULT 0,"
        " fallback_created_ms INTEGER, fallback_replaced_ms INTEGER,"
        " identity_state INTEGER NOT NULL DEFAULT 0, fault INTEGER NOT NULL DEFAULT 0,"
        " since TEXT, sync_attempts INTEGER NOT NULL DEFAULT 0, sync_position INTEGER) STRICT;"

        "CREATE TABLE cross_signing("
        " usage TEXT PRIMARY KEY, seed BLOB NOT NULL, public TEXT NOT NULL) STRICT;"

        /* Requests as they go out, byte for byte, until they are answered. `context` is ours. */
        "CREATE TABLE e2ee_request("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, target TEXT, room_id TEXT,"
        " txn_id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, context TEXT) STRICT;"

        /* A user's cross-signing keys and the state of their device list. */
        "CREATE TABLE identity("
        " user_id TEXT PRIMARY KEY, tracked INTEGER NOT NULL DEFAULT 0, dirty INTEGER NOT NULL DEFAULT 1,"
        " generation INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER NOT NULL DEFAULT 0,"
        " failures INTEGER NOT NULL DEFAULT 0,"
        " master TEXT, master_json TEXT, self_signing TEXT, pinned TEXT) STRICT;"

        "CREATE TABLE device("
        " user_id TEXT NOT NULL, device_id TEXT NOT NULL, curve25519 TEXT NOT NULL, ed25519 TEXT NOT NULL,"
        " signed INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, first_seen_ms INTEGER NOT NULL,"
        " verifying_until_ms INTEGER NOT NULL DEFAULT 0,"
        " PRIMARY KEY (user_id, device_id)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX device_by_key ON device(curve25519);"

        "CREATE TABLE olm_session("
        " session_id TEXT PRIMARY KEY, curve25519 TEXT NOT NULL, pickle TEXT NOT NULL,"
        " used_ms INTEGER NOT NULL) STRICT;"
        "CREATE INDEX olm_session_by_key ON olm_session(curve25519, used_ms);"
        "CREATE TABLE olm_hash(hash BLOB PRIMARY KEY, seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

        /* Devices that need a new session: `claim` wanted, `dummy` to be sent in it. */
        "CREATE TABLE olm_peer("
        " curve25519 TEXT PRIMARY KEY, user_id TEXT NOT NULL, claim INTEGER NOT NULL DEFAULT 0,"
        " dummy INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER NOT NULL DEFAULT 0,"
        " failures INTEGER NOT NULL DEFAULT 0, unwedged_ms INTEGER, no_olm_sent INTEGER NOT NULL DEFAULT 0)"
        " STRICT;"

        "CREATE TABLE room("
        " room_id TEXT PRIMARY KEY, encrypted INTEGER NOT NULL DEFAULT 0,"
        " rotation_ms INTEGER NOT NULL DEFAULT 604800000, rotation_messages INTEGER NOT NULL DEFAULT 100,"
        " history_visibility TEXT, rotate INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE member("
        " room_id TEXT NOT NULL, user_id TEXT NOT NULL, membership TEXT NOT NULL,"
        " PRIMARY KEY (room_id, user_id)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX member_by_user ON member(user_id);"

        "CREATE TABLE megolm_out("
        " room_id TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, pickle TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, messages INTEGER NOT NULL DEFAULT 0) STRICT;"
        /* The session key as it was sent at an index: libolm gives only the current one. */
        "CREATE TABLE megolm_key("
        " session_id TEXT NOT NULL, message_index INTEGER NOT NULL, sealed BLOB NOT NULL,"
        " PRIMARY KEY (session_id, message_index)) STRICT, WITHOUT ROWID;"
        /* `code` not null: withheld, and why. `request_id`: the request it is in. */
        "CREATE TABLE megolm_share("
        " session_id TEXT NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL, curve25519 TEXT NOT "
        "NULL,"
        " message_index INTEGER NOT NULL, request_id INTEGER, code TEXT, again INTEGER NOT NULL DEFAULT 0,"
        " sent_ms INTEGER NOT NULL, PRIMARY KEY (session_id, user_id, device_id)) STRICT, WITHOUT ROWID;"

        "CREATE TABLE megolm_in("
        " room_id TEXT NOT NULL, session_id TEXT NOT NULL, user_id TEXT NOT NULL, curve25519 TEXT NOT NULL,"
        " pickle TEXT NOT NULL, first_index INTEGER NOT NULL,"
        " PRIMARY KEY (room_id, session_id)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE megolm_index("
        " session_id TEXT NOT NULL, message_index INTEGER NOT NULL, event_id TEXT NOT NULL,"
        " origin_ms INTEGER NOT NULL, PRIMARY KEY (session_id, message_index)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE withheld("
        " room_id TEXT NOT NULL, session_id TEXT NOT NULL, code TEXT NOT NULL,"
        " PRIMARY KEY (room_id, session_id)) STRICT, WITHOUT ROWID;"

        /* Events without their key. `ready`: it was received since. */
        "CREATE TABLE parked("
        " event_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, session_id TEXT NOT NULL, sender TEXT NOT NULL,"
        " event TEXT NOT NULL, parked_ms INTEGER NOT NULL, ready INTEGER NOT NULL DEFAULT 0,"
        " request_id TEXT, explained INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE INDEX parked_by_session ON parked(room_id, session_id);"

        "CREATE TABLE verification("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, txn_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, "
        "device_id TEXT, room_id TEXT, state INTEGER NOT "
        "NULL,"
        " start TEXT, we_started INTEGER NOT NULL, commitment TEXT, secret BLOB, our_key TEXT, their_key "
        "TEXT,"
        " their_mac TEXT, code TEXT, created_ms INTEGER NOT NULL) STRICT;"

        "CREATE TABLE poison("
        " id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, event TEXT NOT NULL, error INTEGER NOT NULL)"
        " STRICT;";

/* `for_device`: an event that has its key, of a device that is not known yet. */
const char e2ee_changes_1[] = "ALTER TABLE parked ADD COLUMN for_device INTEGER NOT NULL DEFAULT 0;";

/* `key` of an event, as quarantine.c makes it: of those that a process died of, and of those skipped. */
const char e2ee_changes_2[] = "CREATE TABLE suspect(key BLOB PRIMARY KEY, deaths INTEGER NOT NULL) STRICT;"
                              "ALTER TABLE poison ADD COLUMN key BLOB;"
                              "ALTER TABLE poison ADD COLUMN part TEXT;"
                              "ALTER TABLE poison ADD COLUMN room_id TEXT;"
                              "ALTER TABLE poison ADD COLUMN event_id TEXT;"
                              "CREATE UNIQUE INDEX poison_by_key ON poison(key);"
                              "ALTER TABLE account DROP COLUMN sync_attempts;"
                              "ALTER TABLE account DROP COLUMN sync_position;";
