/* SPDX-License-Identifier: MIT */
/* From manifests to members of rooms and pinned identities. */

#include "matrix/people.h"

#include "codec/binary-text.h"
#include "e2ee/identity.h"
#include "log/log.h"
#include "matrix/room-queue.h"
#include "proto/id.h"
#include "store/query.h"

/* Where a person is and what is pinned. */
typedef struct People {
        Database *database;
        E2ee *e2ee;
        const char *device;
} People;

static int add(const People *people, const char *user_id, const PublicKey *master)
{
        char text[BASE64_UNPADDED_SIZE(PUBLIC_KEY_SIZE)];

        if (!principal_is_matrix(user_id))
                return 0;

        if (master)
                base64_unpadded_format(BYTES_OF(master->bytes), text);
        int r = query_run(
                people->database,
                "INSERT INTO person(device, user_id, master) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET master = coalesce(excluded.master, master), current = 1",
                "ttt", people->device, user_id, master ? text : NULL);
        if (r == 0)
                r = room_queue_invite(people->database, ROOM_SPACE, "", user_id);
        return r < 0 ? r : room_queue_invite(people->database, ROOM_APPROVALS, "", user_id);
}

static int add_people(const People *people, const Manifest *manifest)
{
        int r = room_queue_want(people->database, ROOM_SPACE, "");
        if (r == 0)
                r = room_queue_want(people->database, ROOM_APPROVALS, "");
        if (r == 0)
                r = room_queue_want(people->database, ROOM_DEVICE, people->device);

        for (size_t i = 0; r == 0 && i < manifest->operators.n; i++) {
                const ManifestOperator *it = &manifest->operators.items[i];

                r = add(people, it->principal, public_key_is_null(&it->master_key) ? NULL : &it->master_key);
                if (r == 0 && principal_is_matrix(it->principal))
                        r = room_queue_invite(people->database, ROOM_DEVICE, people->device, it->principal);
        }
        for (size_t i = 0; r == 0 && i < manifest->approvers.n; i++)
                r = add(people, manifest->approvers.items[i].principal, NULL);
        return r;
}

static int pin(void *userdata, const char *user_id)
{
        const People *people = userdata;
        _cleanup_(freep) char *master = NULL;

        int r = query_text(people->database, &master,
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

/* What the last manifest said is needed until its people are unpinned. */
int people_receive(Database *database, E2ee *e2ee, const char *device, const Manifest *manifest)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        People people = { database, e2ee, device };

        int r = query_run(database, "UPDATE person SET current = 0, master = NULL WHERE device = ?", "t",
                          device);
        if (r == 0 && manifest)
                r = add_people(&people, manifest);
        if (r == 0)
                r = query(database, &rows, "SELECT user_id FROM person WHERE device = ?", "t", device);
        if (r == 0)
                r = statement_for_each_text(rows, pin, &people);
        rows = statement_reset(rows);
        return r < 0 ? r
                     : query_run(database, "DELETE FROM person WHERE device = ? AND NOT current", "t",
                                 device);
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
