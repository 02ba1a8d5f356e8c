/* SPDX-License-Identifier: MIT */
/* Sync responses. */

#include "e2ee/sync.h"

#include "e2ee/account.h"
#include "e2ee/device-list.h"
#include "e2ee/olm-event.h"
#include "e2ee/outbound.h"
#include "e2ee/parked.h"
#include "e2ee/room.h"
#include "e2ee/verification.h"

#define CAREFUL_ATTEMPT 3
#define POISON_MAX      1000 /* rows kept … */
#define POISON_SIZE     4096 /* … and bytes of each */

static int receive_to_device(E2ee *e2ee, const cJSON *event)
{
        static const struct {
                const char *type;
                int (*receive)(E2ee *e2ee, const cJSON *event);
        } handlers[] = {
                { "m.room.encrypted", olm_event_receive },
                { "m.room_key.withheld", parked_receive_withheld },
                { "m.room_key_request", outbound_receive_request },
        };
        const char *type = object_string(event, "type"), *sender = object_string(event, "sender");
        const cJSON *content = object_object(event, "content");

        if (type && sender && content && startswith(type, "m.key.verification."))
                return e2ee_receive_verification(
                        e2ee, &(VerificationMessage){ sender, type, NULL, NULL, content });
        for (size_t i = 0; type && i < ELEMENTSOF(handlers); i++)
                if (streq(type, handlers[i].type))
                        return handlers[i].receive(e2ee, event);
        return 0;
}

static int put_aside(E2ee *e2ee, const cJSON *event, int error)
{
        _cleanup_(freep) char *text = cJSON_PrintUnformatted(event);

        if (!text)
                return -ENOMEM;
        if (strlen(text) > POISON_SIZE)
                text[POISON_SIZE] = '\0';
        int r = query_run(e2ee->database, "INSERT INTO poison(at_ms, event, error) VALUES (?, ?, ?)", "iti",
                          e2ee_now(e2ee), text, (int64_t) error);
        return r < 0 ? r
                     : query_run(e2ee->database,
                                 "DELETE FROM poison WHERE id <= (SELECT max(id) FROM poison) - ?", "i",
                                 (int64_t) POISON_MAX);
}

/* Errors that another event would have, too. */
static bool is_of_machine(int r)
{
        return r == -ENOMEM || r == -ENOSPC || r == -EIO || r == -EBUSY || r == -EROFS || r == -EACCES;
}

static int receive_guarded(E2ee *e2ee, const cJSON *event)
{
        int r = database_run(e2ee->database, "SAVEPOINT event");
        if (r < 0)
                return r;

        int error = receive_to_device(e2ee, event);
        if (error < 0) {
                if (is_of_machine(error))
                        return error;
                r = database_run(e2ee->database, "ROLLBACK TO event");
                if (r == 0)
                        r = put_aside(e2ee, event, error);
                if (r < 0)
                        return r;
        }
        return database_run(e2ee->database, "RELEASE event");
}

static const cJSON *to_device_events(const cJSON *sync)
{
        return object_array(object_object(sync, "to_device"), "events");
}

/* ---- one by one */

static int mark_position(E2ee *e2ee, int64_t position)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(e2ee->database, &transaction);
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE account SET sync_position = ?", "i", position);
        return r < 0 ? r : transaction_commit(&transaction);
}

/* `died`: the process crashed at this event. */
static int receive_alone(E2ee *e2ee, const cJSON *event, bool died)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

        int r = transaction_begin(e2ee->database, &transaction);
        if (r == 0)
                r = died ? put_aside(e2ee, event, 0) : receive_guarded(e2ee, event);
        return r < 0 ? r : transaction_commit(&transaction);
}

/* Events that are decrypted here are replays when the whole response is processed again. */
static int receive_one_by_one(E2ee *e2ee, const cJSON *sync)
{
        int64_t died_at = -1, position = 0;
        const cJSON *event;

        int r = query_integer(e2ee->database, &died_at, "SELECT sync_position FROM account", "");
        if (r < 0)
                return r;
        cJSON_ArrayForEach(event, to_device_events(sync)) {
                if (position > died_at) {
                        r = mark_position(e2ee, position);
                        if (r < 0)
                                return r;
                }
                if (position >= died_at) {
                        r = receive_alone(e2ee, event, position == died_at);
                        if (r < 0)
                                return r;
                }
                position++;
        }
        return mark_position(e2ee, position);
}

int e2ee_begin_sync(E2ee *e2ee, const cJSON *sync)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        int64_t attempts = 0;

        if (cJSON_GetArraySize(to_device_events(sync)) == 0)
                return 0; /* nothing to be careful with */
        int r = transaction_begin(e2ee->database, &transaction);
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE account SET sync_attempts = sync_attempts + 1", "");
        if (r == 0)
                r = query_integer(e2ee->database, &attempts, "SELECT sync_attempts FROM account", "");
        if (r >= 0)
                r = transaction_commit(&transaction);
        if (r < 0)
                return r;

        return attempts >= CAREFUL_ATTEMPT ? receive_one_by_one(e2ee, sync) : 0;
}

/* ---- the whole */

static int receive_events(E2ee *e2ee, const cJSON *events)
{
        int64_t passed = -1, position = 0; /* what was received one by one is not received again */
        const cJSON *event;

        int r = query_integer(e2ee->database, &passed, "SELECT sync_position FROM account", "");
        if (r < 0)
                return r;
        cJSON_ArrayForEach(event, events) {
                r = position++ < passed ? 0 : receive_guarded(e2ee, event);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A sync without a token has the state of all rooms; nothing that the server said before holds. */
static int begin_anew(E2ee *e2ee)
{
        static const char *const statements[] = {
                "DELETE FROM member",
                "UPDATE room SET rotate = 1",
                "UPDATE identity SET dirty = 1, generation = generation + 1, retry_ms = 0 WHERE tracked",
        };
        _cleanup_(freep) char *since = NULL;

        int r = e2ee_since(e2ee, &since);
        if (r != 0)
                return MIN(r, 0);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(statements); i++)
                r = database_run(e2ee->database, statements[i]);
        return r;
}

int e2ee_receive_sync(E2ee *e2ee, const cJSON *sync)
{
        int r = begin_anew(e2ee);
        if (r == 0)
                r = device_list_receive(e2ee, object_object(sync, "device_lists"));
        if (r == 0)
                r = receive_events(e2ee, to_device_events(sync));
        if (r == 0)
                r = account_receive_counts(e2ee, sync);
        if (r == 0)
                r = room_receive_joined(e2ee, object_object(sync, "rooms"));
        if (r == 0)
                r = query_run(e2ee->database,
                              "UPDATE account SET since = coalesce(?, since), sync_attempts = 0, "
                              "sync_position = NULL",
                              "t", object_string(sync, "next_batch"));
        return r < 0 ? r : e2ee_plan(e2ee);
}

int e2ee_forget_since(E2ee *e2ee)
{
        return query_run(e2ee->database, "UPDATE account SET since = NULL", "");
}

int e2ee_since(E2ee *e2ee, char **ret_since)
{
        return query_text(e2ee->database, ret_since, "SELECT since FROM account", "");
}
