/* SPDX-License-Identifier: MIT */
/* From manifests to members of rooms and pinned identities. */

#include "matrix/people.h"

#include "codec/binary-text.h"
#include "e2ee/identity.h"
#include "log/log.h"
#include "matrix/answer.h"
#include "matrix/outbox.h"
#include "matrix/room-alias.h"
#include "matrix/room-queue.h"
#include "proto/id.h"
#include "store/query.h"

/* Where a person is and what is pinned. */
typedef struct People {
        Database *database;
        E2ee *e2ee;
        const char *device;
        bool revoked; /* the device */
} People;

static int add(const People *people, const char *user_id, const PublicKey *master, bool operates)
{
        char text[BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE)];

        bool pinned = !public_key_is_null(master);

        if (!principal_is_matrix(user_id))
                return 0;

        if (pinned)
                base64_unpadded_format(BYTES_OF(master->bytes), text);
        return query_run(people->database,
                         "INSERT INTO person(device, user_id, master, operates) VALUES (?, ?, ?, ?)"
                         " ON CONFLICT DO UPDATE SET master = coalesce(excluded.master, master),"
                         " operates = operates OR excluded.operates, current = 1",
                         "ttti", people->device, user_id, pinned ? text : NULL, (int64_t) operates);
}

static bool offers_docker(const Manifest *manifest)
{
        for (size_t i = 0; i < manifest->capabilities.n; i++)
                if (startswith(capability_kind_name((CapabilityKind) manifest->capabilities.items[i].kind),
                               "docker."))
                        return true;

        return false;
}

static int add_people(const People *people, const Manifest *manifest)
{
        int r = room_queue_want(people->database, ROOM_SPACE, "");
        if (r == 0)
                r = room_queue_want(people->database, ROOM_APPROVALS, "");
        if (r == 0)
                r = room_queue_want(people->database, ROOM_DEVICE, people->device);

        if (r == 0)
                r = room_alias_want(people->database, people->device, offers_docker(manifest));

        for (size_t i = 0; r == 0 && i < manifest->operators.n; i++)
                r = add(people, manifest->operators.items[i].principal,
                        &manifest->operators.items[i].master_key, true);
        for (size_t i = 0; r == 0 && i < manifest->approvers.n; i++)
                r = add(people, manifest->approvers.items[i].principal,
                        &manifest->approvers.items[i].master_key, false);
        return r;
}

/* The people of a revoked device whom no other one names keep their pins: else they could not read that it
 * is. */
static int keeps_pin(const People *people, const char *user_id)
{
        int r = people->revoked
                        ? query_exists(people->database,
                                       "SELECT 1 FROM person WHERE user_id = ? AND current", "t", user_id)
                        : 1;
        return r < 0 ? r : r == 0;
}

static int pin(const People *people, const char *user_id)
{
        _cleanup_(freep) char *master = NULL;

        int r = keeps_pin(people, user_id);
        if (r != 0)
                return MIN(r, 0);
        r = query_text(people->database, &master,
                       "SELECT CASE count(DISTINCT master) WHEN 1 THEN min(master) END FROM person"
                       " WHERE user_id = ? AND current",
                       "t", user_id);
        if (r >= 0)
                r = e2ee_pin_identity(people->e2ee, user_id, master);
        if (r == -EBADMSG) {
                log_warning("A manifest pins an identity that is no key; it counts as none");
                r = e2ee_pin_identity(people->e2ee, user_id, NULL);
        }
        return r;
}

/* All that any manifest names are in the space and with the approvals, a device's operators in its room. */
static int place(const People *people, const char *user_id)
{
        const struct {
                RoomKind kind;
                const char *name;
        } rooms[] = { { ROOM_SPACE, "" }, { ROOM_APPROVALS, "" }, { ROOM_DEVICE, people->device } };
        size_t n_rooms = ELEMENTSOF(rooms) - (people->revoked ? 1 : 0);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_rooms; i++) {
                r = query_exists(people->database,
                                 "SELECT 1 FROM person WHERE user_id = ?1 AND current"
                                 " AND (?2 = '' OR (device = ?2 AND operates))",
                                 "tt", user_id, rooms[i].name);
                if (r >= 0)
                        r = (r > 0 ? room_queue_invite : room_queue_remove)(people->database, rooms[i].kind,
                                                                            rooms[i].name, user_id);
        }
        return r;
}

static int settle(void *userdata, const char *user_id)
{
        int r = pin(userdata, user_id);
        return r < 0 ? r : place(userdata, user_id);
}

/* What the last manifest said is needed until its people are unpinned. */
static int receive(People *people, const Manifest *manifest)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query_run(people->database,
                          "UPDATE person SET current = 0, master = NULL, operates = 0 WHERE device = ?", "t",
                          people->device);
        if (r == 0 && manifest)
                r = add_people(people, manifest);
        if (r == 0)
                r = query(people->database, &rows, "SELECT user_id FROM person WHERE device = ?", "t",
                          people->device);
        if (r == 0)
                r = statement_for_each_text(rows, settle, people);
        rows = statement_reset(rows);
        return r < 0 ? r
                     : query_run(people->database, "DELETE FROM person WHERE device = ? AND NOT current",
                                 "t", people->device);
}

int people_receive(Database *database, E2ee *e2ee, const char *device, const Manifest *manifest)
{
        return receive(&(People){ database, e2ee, device, false }, manifest);
}

int people_revoke(Database *database, E2ee *e2ee, const char *device, const char *notice)
{
        _cleanup_(freep) char *room_id = NULL;
        cJSON *content = NULL;

        int r = room_queue_retire(database, ROOM_DEVICE, device, &room_id);
        if (r > 0 && room_id) {
                r = answer_make(&(Answer){ .line = notice }, &content);
                if (r == 0)
                        r = outbox_add_take(database, room_id, "m.room.message", content);
        }
        return r < 0 ? r : receive(&(People){ database, e2ee, device, true }, NULL);
}

int people_is_named(Database *database, const char *user_id)
{
        return query_exists(database, "SELECT 1 FROM person WHERE user_id = ?", "t", user_id);
}

int people_find_outsider(Database *database, const char *own_id, char **ret_user_id)
{
        return query_text(database, ret_user_id,
                          "SELECT min(c.user_id) FROM chat_member AS c JOIN chat_room AS r ON r.id = c.room"
                          " WHERE c.state = ?1 AND r.room_id NOT NULL AND NOT r.retired"
                          " AND substr(c.user_id, instr(c.user_id, ':')) != ?2 AND NOT EXISTS (SELECT 1"
                          "  FROM member AS m WHERE m.room_id = r.room_id AND m.user_id = c.user_id)",
                          "it", (int64_t) MEMBER_INVITED, strchr(own_id, ':'));
}

int people_is_heard(Database *database, const char *room_id, const char *user_id)
{
        return query_exists(database,
                            "SELECT 1 FROM chat_member AS m JOIN chat_room AS r ON r.id = m.room"
                            " WHERE r.room_id = ?1 AND m.user_id = ?2 AND m.state IN (?3, ?4)"
                            " UNION ALL SELECT 1 FROM person WHERE user_id = ?2"
                            " AND NOT EXISTS (SELECT 1 FROM chat_room WHERE room_id = ?1)",
                            "ttii", room_id, user_id, (int64_t) MEMBER_WANTED, (int64_t) MEMBER_INVITED);
}

int people_pins_another(Database *database, const char *user_id, const char *master)
{
        return query_exists(database,
                            "SELECT 1 FROM person WHERE user_id = ? AND master NOT NULL AND master IS NOT ?",
                            "tt", user_id, master);
}

int people_is_suspended(Database *database, E2ee *e2ee, const char *user_id)
{
        _cleanup_(freep) char *master = NULL;

        int r = e2ee_identity(e2ee, user_id, &master);
        return r < 0 ? r : people_pins_another(database, user_id, master);
}
