/* SPDX-License-Identifier: MIT */
/* The tables. Times are milliseconds of CLOCK_REALTIME. A released migration is never changed: add a new
 * one. */

#include "matrix/schema.h"

#include "e2ee/schema.h"

#define APPLICATION_ID UINT32_C(0x4442584d) /* "DBXM" */

static const char matrix_tables[] =
        /* One row. The device id is chosen and committed before the first login, so that one whose answer
         * is lost is repeated for the same device. The tokens are sealed; `token` null: not logged in yet.
         */
        "CREATE TABLE login("
        " id INTEGER PRIMARY KEY CHECK (id = 1), server TEXT NOT NULL, user_id TEXT NOT NULL,"
        " device_id TEXT NOT NULL, token BLOB, refresh_token BLOB,"
        " refresh_ms INTEGER NOT NULL DEFAULT 0) STRICT;"

        /* Events to send, in their order. What is sent in an encrypted room is encrypted once, at its turn:
         * `content` is then the ciphertext, and never changes again. `error`: the server's code, if it
         * refused the event for good. `target`: the event that a redaction or a receipt is about.
         * `owner_kind` is an OutboxOwnerKind. */
        "CREATE TABLE outbox("
        " seq INTEGER PRIMARY KEY AUTOINCREMENT, room_id TEXT NOT NULL, type TEXT NOT NULL,"
        " target TEXT, content TEXT NOT NULL, txn_id TEXT NOT NULL UNIQUE,"
        " encrypted INTEGER NOT NULL DEFAULT 0, turn_ms INTEGER, error TEXT,"
        " owner_kind INTEGER NOT NULL DEFAULT 0, owner_id TEXT) STRICT;"
        "CREATE INDEX outbox_open ON outbox(seq) WHERE error IS NULL;"
        "CREATE INDEX outbox_by_owner ON outbox(owner_id) WHERE owner_id IS NOT NULL;"

        /* Files to upload. `content` is the message for then, but for the address. */
        "CREATE TABLE upload("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, room_id TEXT NOT NULL, content TEXT NOT NULL,"
        " cipher BLOB NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER NOT NULL DEFAULT 0)"
        " STRICT;"

        /* Commands that were accepted, each once: the event id is the key. `state`: command-journal.c;
         * `thread`: the root of the thread that it was written in. What its room shows of it,
         * command-display.c: `status`, the reaction that there should be; `shown` the one there is or will
         * be, and `shown_event`, its id; `answer`, the content that the answer should have, null once it is
         * in the outbox, and `answer_event`, the id of its message. */
        "CREATE TABLE command("
        " event_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, sender TEXT NOT NULL, line TEXT NOT NULL,"
        " thread TEXT, received_ms INTEGER NOT NULL, state INTEGER NOT NULL,"
        " status TEXT, shown TEXT, shown_event TEXT, answer TEXT, answer_event TEXT) STRICT;"
        "CREATE INDEX command_by_state ON command(state, received_ms);"

        /* Announced requests, and people's decisions. `passed_on` to the dispatcher, and its answer:
         * approval.c; `withdrawn`: the reaction was taken back. */
        "CREATE TABLE approval("
        " request_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, event_id TEXT UNIQUE,"
        " closed INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE TABLE decision("
        " reaction_id TEXT PRIMARY KEY, request_id TEXT NOT NULL REFERENCES approval(request_id),"
        " user_id TEXT NOT NULL, approve INTEGER NOT NULL, passed_on INTEGER NOT NULL DEFAULT 0,"
        " withdrawn INTEGER NOT NULL DEFAULT 0) STRICT;"

        /* What was announced without a request: alert.h. `over`: it was taken back. */
        "CREATE TABLE alert("
        " key TEXT PRIMARY KEY, room_id TEXT NOT NULL, event_id TEXT, over INTEGER NOT NULL DEFAULT 0) "
        "STRICT;"
        "CREATE INDEX alert_open ON alert(key) WHERE NOT over;"

        /* The rooms that there should be (`kind` is a RoomKind). `taken`: another room has the alias;
         * `candidate`: that one; `linked` into the space; `error`: the server's code, if it gives none.
         * `retired`: the device is revoked; `closed`: only we may write; `levels`: the power levels that
         * make it so, or take it back. `predecessor`: the room before, which was upgraded. `hosts`: it
         * should have the alias #host-NAME, too; `hosted`: it has; -1: the room before may have it. */
        "CREATE TABLE chat_room("
        " id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL UNIQUE,"
        " room_id TEXT UNIQUE, taken INTEGER NOT NULL DEFAULT 0, candidate TEXT,"
        " linked INTEGER NOT NULL DEFAULT 0, error TEXT, retired INTEGER NOT NULL DEFAULT 0,"
        " closed INTEGER NOT NULL DEFAULT 0, levels TEXT, predecessor TEXT,"
        " hosts INTEGER NOT NULL DEFAULT 0, hosted INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, name)) STRICT;"
        /* `state` is a MemberState of room-queue.h. */
        "CREATE TABLE chat_member("
        " id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES chat_room(id) ON DELETE CASCADE,"
        " user_id TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, UNIQUE (room, user_id)) STRICT;"
        "CREATE INDEX chat_member_by_state ON chat_member(state, id);"

        /* Rooms of others that we are invited to, until the answer was sent. */
        "CREATE TABLE invitation("
        " id INTEGER PRIMARY KEY, room_id TEXT NOT NULL UNIQUE, accepted INTEGER NOT NULL) STRICT;"

        /* Parts of timelines that a sync left out, read from `token` back to `since`; and the events of
         * their rooms, which wait: gap.c. */
        "CREATE TABLE gap("
        " id INTEGER PRIMARY KEY AUTOINCREMENT, room_id TEXT NOT NULL, token TEXT NOT NULL,"
        " since TEXT NOT NULL, pages INTEGER NOT NULL DEFAULT 0) STRICT;"
        "CREATE INDEX gap_by_room ON gap(room_id);"
        "CREATE TABLE held("
        " id INTEGER PRIMARY KEY, gap INTEGER NOT NULL REFERENCES gap(id) ON DELETE CASCADE,"
        " position INTEGER NOT NULL, event TEXT NOT NULL, UNIQUE (gap, position)) STRICT;"

        /* Whom the manifests name: for each device, and with the identity that this manifest pins.
         * `current`: in the last one; `operates`: as an operator, not only as an approver. */
        "CREATE TABLE person("
        " device TEXT NOT NULL, user_id TEXT NOT NULL, master TEXT, current INTEGER NOT NULL DEFAULT 1,"
        " operates INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (device, user_id)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX person_by_user ON person(user_id);";

/* What databases of before lack. `taken_back`: the message of a command was redacted after it had begun;
 * early_reaction: to messages that may be those of requests whose event id is not known yet; `unlink` of a
 * room: the one before, as long as the space has it; landmark, one row: the last event that the homeserver
 * has sent, rewind.h; arrival: since when we are in a room, arrival.h. */
static const char matrix_changes_1[] =
        "ALTER TABLE command ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE early_reaction("
        " reaction_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, target TEXT NOT NULL, user_id TEXT NOT NULL,"
        " approve INTEGER NOT NULL) STRICT;"
        "ALTER TABLE chat_room DROP COLUMN closed;"
        "ALTER TABLE chat_room DROP COLUMN levels;"
        "ALTER TABLE chat_room ADD COLUMN unlink TEXT;"
        "CREATE TABLE landmark("
        " id INTEGER PRIMARY KEY CHECK (id = 1), room_id TEXT NOT NULL, event_id TEXT NOT NULL) STRICT;"
        "CREATE TABLE arrival(room_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/* Alerts without an end are over from the beginning, and old ones are deleted: alert.h. */
static const char matrix_changes_2[] =
        "UPDATE alert SET over = 1 WHERE key GLOB 'drift:*' OR key GLOB 'token_reused:*'"
        " OR key GLOB 'capability:*' OR key GLOB 'restored:*';";

/* Ciphertext in pieces, `at` their place; of a file that is not finished, `content` is empty. */
static const char matrix_changes_3[] =
        "CREATE TABLE upload_piece("
        " upload INTEGER NOT NULL REFERENCES upload(id) ON DELETE CASCADE, at INTEGER NOT NULL,"
        " cipher BLOB NOT NULL, PRIMARY KEY (upload, at)) STRICT;"
        "INSERT INTO upload_piece(upload, at, cipher) SELECT id, 0, cipher FROM upload;"
        "ALTER TABLE upload DROP COLUMN cipher;";

/* `helped`: the room id that the help was written for; `pin`: its message, until it is pinned. */
static const char matrix_changes_4[] = "ALTER TABLE chat_room ADD COLUMN helped TEXT;"
                                       "ALTER TABLE chat_room ADD COLUMN pin TEXT;";

/* Our own reactions to announcements of requests that wait. */
static const char matrix_changes_5[] =
        "CREATE TABLE thumb(event_id TEXT PRIMARY KEY, request_id TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/* `checked`: the homeserver has the reaction still, since the start of this process. */
static const char matrix_changes_6[] = "ALTER TABLE decision ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;";

/* `tier` is an ApprovalTier. Of older rows it is not known: 2, in whose announcement no thumb up is offered.
 */
static const char matrix_changes_7[] = "ALTER TABLE approval ADD COLUMN tier INTEGER NOT NULL DEFAULT 2;";

/* `helped` of a member: the identity that could read the room's last help; `lacking_ms` of a room: since
 * when a member could not; `pinned`: the help that is pinned, or was, which another one replaces. */
static const char matrix_changes_8[] = "ALTER TABLE chat_member ADD COLUMN helped TEXT;"
                                       "ALTER TABLE chat_room ADD COLUMN lacking_ms INTEGER;"
                                       "ALTER TABLE chat_room ADD COLUMN pinned TEXT;";

/* `shown`: what the request would write was attached. */
static const char matrix_changes_9[] = "ALTER TABLE approval ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;";

/* When a command was answered. */
static const char matrix_changes_10[] = "ALTER TABLE command ADD COLUMN answered_ms INTEGER;";

static const char *const migrations[] = { e2ee_tables,       matrix_tables,    e2ee_changes_1,
                                          matrix_changes_1,  matrix_changes_2, matrix_changes_3,
                                          matrix_changes_4,  matrix_changes_5, matrix_changes_6,
                                          matrix_changes_7,  matrix_changes_8, matrix_changes_9,
                                          matrix_changes_10, e2ee_changes_2 };
const DatabaseSchema matrix_schema = { APPLICATION_ID, migrations, ELEMENTSOF(migrations) };

int matrix_database_open(const char *path, Database **ret_database)
{
        return database_open(path, DATABASE_OWN, &matrix_schema, ret_database);
}
