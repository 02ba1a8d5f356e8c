/* SPDX-License-Identifier: MIT */
/* Sync responses. */

#include "e2ee/sync.h"

#include "e2ee/account.h"
#include "e2ee/device-list.h"
#include "e2ee/olm-event.h"
#include "e2ee/outbound.h"
#include "e2ee/parked.h"
#include "e2ee/quarantine.h"
#include "e2ee/room.h"
#include "e2ee/verification.h"

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

static int on_to_device(const E2eeGuarded *guarded, void *userdata)
{
        return receive_to_device(userdata, guarded->event);
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
        const E2eeGuarded to_device = { "to-device", NULL,
                                        object_array(object_object(sync, "to_device"), "events"), NULL };

        int r = begin_anew(e2ee);
        if (r == 0)
                r = device_list_receive(e2ee, object_object(sync, "device_lists"));
        if (r == 0)
                r = e2ee_guard_each(e2ee, &to_device, on_to_device, e2ee);
        if (r == 0)
                r = account_receive_counts(e2ee, sync);
        if (r == 0)
                r = room_receive_joined(e2ee, object_object(sync, "rooms"));
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE account SET since = coalesce(?, since)", "t",
                              object_string(sync, "next_batch"));
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
