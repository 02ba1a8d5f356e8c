/* SPDX-License-Identifier: MIT */
/* Queries of device lists. */

#include "e2ee/key-query.h"

#include "e2ee/account.h"
#include "e2ee/cross-signing.h"
#include "e2ee/device.h"
#include "e2ee/identity.h"
#include "e2ee/parked.h"
#include "e2ee/quarantine.h"
#include "e2ee/request.h"

#define QUERY_USERS_MAX 250
#define RETRY_FIRST_MS  (15 * MS_PER_SECOND)
#define RETRY_DOUBLINGS 8 /* then every hour or so */

int key_query_plan(E2ee *e2ee)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(json_freep) cJSON *users = cJSON_CreateObject(), *generations = cJSON_CreateObject();
        cJSON *body = NULL;

        if (!users || !generations)
                return -ENOMEM;
        int r = request_is_pending(e2ee, E2EE_KEYS_QUERY);
        if (r != 0)
                return MIN(r, 0);

        r = query(
                e2ee->database, &rows,
                "SELECT user_id, generation FROM identity WHERE tracked AND dirty AND retry_ms <= ? LIMIT ?",
                "ii", e2ee_now(e2ee), (int64_t) QUERY_USERS_MAX);
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                const char *user_id = statement_text(rows, 0);

                r = object_put(users, user_id, cJSON_CreateArray());
                if (r == 0)
                        r = object_put(generations, user_id,
                                       cJSON_CreateNumber((double) statement_integer(rows, 1)));
                if (r < 0)
                        return r;
        }
        if (r < 0 || !users->child)
                return r;

        r = json_pack(&body, "{timeout:i,device_keys:o}", INT64_C(10000), TAKE_PTR(users));
        if (r < 0)
                return r;
        return request_add(e2ee, &(NewRequest){ E2EE_KEYS_QUERY, NULL, body, TAKE_PTR(generations) }, NULL);
}

/* The keys of our own device as the server shows them to others. */
static int check_own_device(E2ee *e2ee, const cJSON *devices)
{
        const cJSON *keys = object_object(devices, e2ee->device_id);
        int64_t uploaded = 0;

        int r = query_integer(e2ee->database, &uploaded, "SELECT uploaded FROM account", "");
        if (r < 0)
                return r;
        if (!keys)
                return uploaded ? fault_set(e2ee, E2EE_FAULT_DEVICE_DELETED) : 0;
        if (!device_keys_are(keys, e2ee->device_id, e2ee->curve25519, e2ee->ed25519))
                return fault_set(e2ee, E2EE_FAULT_DEVICE_REPLACED);
        return cross_signing_check(e2ee);
}

/* Devices that the answer does not have are deleted; their keys stay stored, so that none can return with
 * others. */
static int receive_user(E2ee *e2ee, const char *user_id, const cJSON *keys)
{
        const cJSON *devices = object_object(keys, "device_keys"), *device;

        int r = identity_receive(e2ee, user_id, object_object(keys, "master_keys"),
                                 object_object(keys, "self_signing_keys"));
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE device SET deleted = 1 WHERE user_id = ?", "t",
                              user_id);
        if (r < 0)
                return r;

        cJSON_ArrayForEach(device, devices) {
                r = device_receive(e2ee, user_id, device->string, device);
                if (r < 0)
                        return r;
        }
        return streq(user_id, e2ee->user_id) ? check_own_device(e2ee, devices) : 0;
}

static int postpone(E2ee *e2ee, const char *user_id)
{
        return query_run(e2ee->database,
                         "UPDATE identity SET failures = failures + 1, "
                         "retry_ms = ?1 + (?2 << min(failures, ?3)) WHERE user_id = ?4",
                         "iiit", e2ee_now(e2ee), RETRY_FIRST_MS, (int64_t) RETRY_DOUBLINGS, user_id);
}

/* Whether the server that has the user could not be asked. */
static bool server_failed(const cJSON *response, const char *user_id)
{
        const char *server = strchr(user_id, ':');

        return server && object_get(object_object(response, "failures"), server + 1);
}

typedef struct Queried {
        E2ee *e2ee;
        int64_t generation; /* that the list had then */
} Queried;

static int on_user(const E2eeGuarded *guarded, void *userdata)
{
        const Queried *queried = userdata;
        E2ee *e2ee = queried->e2ee;

        int r = query_run(e2ee->database,
                          "UPDATE identity SET dirty = 0, failures = 0 WHERE user_id = ? AND generation = ?",
                          "ti", guarded->room_id, queried->generation);
        if (r == 0)
                r = receive_user(e2ee, guarded->room_id, guarded->event);
        return r < 0 ? r : parked_on_devices(e2ee, guarded->room_id);
}

/* Users write what is in their lists. One that cannot be processed stays dirty. */
static int guard_user(Queried *queried, const char *user_id, const cJSON *response)
{
        _cleanup_(json_freep) cJSON *keys = NULL;

        int r = json_pack(&keys, "{device_keys:c,master_keys:c,self_signing_keys:c}",
                          object_object(object_object(response, "device_keys"), user_id),
                          object_object(object_object(response, "master_keys"), user_id),
                          object_object(object_object(response, "self_signing_keys"), user_id));
        if (r == 0)
                r = e2ee_guard(queried->e2ee, &(E2eeGuarded){ "device-list", user_id, keys, NULL }, on_user,
                               queried);
        return r <= 0 ? r : postpone(queried->e2ee, user_id);
}

int key_query_on_done(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        const cJSON *user;

        cJSON_ArrayForEach(user, context) {
                bool known = object_object(object_object(response, "device_keys"), user->string);
                Queried queried = { e2ee, (int64_t) user->valuedouble };

                int r = !response || (!known && server_failed(response, user->string))
                                ? postpone(e2ee, user->string)
                                : guard_user(&queried, user->string, response);
                if (r < 0)
                        return r;
        }
        return 0;
}

int key_query_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return key_query_on_done(e2ee, context, NULL);
}
