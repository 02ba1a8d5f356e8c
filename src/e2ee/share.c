/* SPDX-License-Identifier: MIT */
/* Giving the keys of outbound sessions to devices. */

#include "e2ee/share.h"

#include "crypto/secretbox.h"
#include "e2ee/channel.h"
#include "e2ee/claim.h"
#include "e2ee/device.h"
#include "e2ee/identity.h"
#include "e2ee/request.h"

#define MESSAGES_PER_REQUEST 250

/* ---- who */

/* Who gets a key, or the reason why not. */
enum { SHARE_KEY, SHARE_UNSIGNED, SHARE_UNPINNED, _SHARE_MAX };

static const struct {
        const char *code, *reason;
} withheld[_SHARE_MAX] = {
        [SHARE_UNSIGNED] = { "m.unverified", "The device is not verified by its owner." },
        [SHARE_UNPINNED] = { "m.unauthorised", "The identity of the device's owner is not pinned." },
};

/* The devices in all rooms, and whether they get keys. ?1 is the time; ?2 the only user who needs no pin,
 * null: none does, and devices in a verification with us get keys, too, signed or not. */
#define ROOM_DEVICES                                                                                        \
        "(SELECT room_id, user_id, device_id, curve25519, ed25519, CASE "                                   \
        "WHEN ?2 IS NULL AND verifying_until_ms > ?1 THEN 0 WHEN NOT signed THEN 1 "                        \
        "WHEN pinned IS master THEN 0 "                                                                     \
        "WHEN pinned IS NULL AND (?2 IS NULL OR user_id = ?2) THEN 0 ELSE 2 END AS share FROM member "      \
        "JOIN device USING (user_id) JOIN identity USING (user_id) "                                        \
        "WHERE membership IN ('join', 'invite') AND NOT deleted) AS device "

static const char *needs_no_pin(const E2ee *e2ee)
{
        return e2ee->pinned_only ? e2ee->user_id : NULL;
}

typedef struct Devices {
        Device *items;
        size_t n_items;
} Devices;

static void devices_done(Devices *devices)
{
        for (size_t i = 0; i < devices->n_items; i++)
                device_done(&devices->items[i]);
        free(devices->items);
}

static int add_device(Devices *devices, const Statement *rows)
{
        if ((devices->n_items & (devices->n_items - 1)) == 0) {
                size_t room = devices->n_items == 0 ? 1 : 2 * devices->n_items;
                Device *more = realloc(devices->items, room * sizeof *more);

                if (!more)
                        return -ENOMEM;
                devices->items = more;
        }

        Device *device = &devices->items[devices->n_items++];
        *device = (Device){ strdup(statement_text(rows, 0)), strdup(statement_text(rows, 1)),
                            strdup(statement_text(rows, 2)), strdup(statement_text(rows, 3)) };
        return device->user_id && device->device_id && device->curve25519 && device->ed25519 ? 0 : -ENOMEM;
}

/* Devices in the room that lack the key, or the notice that it is withheld for this reason. */
static int find_missing(E2ee *e2ee, const OutboundSession *session, int share, Devices *ret_devices)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT user_id, device_id, device.curve25519, ed25519 FROM " ROOM_DEVICES
                      "LEFT JOIN (SELECT user_id, device_id, code FROM megolm_share WHERE session_id = ?3) "
                      "AS had USING (user_id, device_id) "
                      "WHERE room_id = ?4 AND device.curve25519 <> ?5 AND share = ?6 "
                      "AND (had.user_id IS NULL OR (share = 0 AND code NOT NULL))",
                      "itttti", e2ee_now(e2ee), needs_no_pin(e2ee), session->session_id, session->room_id,
                      e2ee->curve25519, (int64_t) share);
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                r = add_device(ret_devices, rows);
                if (r < 0)
                        return r;
        }
        return r;
}

int share_has_lost_device(E2ee *e2ee, const OutboundSession *session)
{
        return query_exists(e2ee->database,
                            "SELECT 1 FROM megolm_share AS had WHERE session_id = ?3 AND code IS NULL "
                            "AND NOT EXISTS (SELECT 1 FROM " ROOM_DEVICES "WHERE room_id = ?4 "
                            "AND device.user_id = had.user_id AND device.device_id = had.device_id "
                            "AND share = 0) LIMIT 1",
                            "ittt", e2ee_now(e2ee), needs_no_pin(e2ee), session->session_id,
                            session->room_id);
}

int share_is_pending(E2ee *e2ee, const OutboundSession *session)
{
        return query_exists(e2ee->database,
                            "SELECT 1 FROM megolm_share JOIN e2ee_request ON id = request_id "
                            "WHERE session_id = ? AND code IS NULL LIMIT 1",
                            "t", session->session_id);
}

/* ---- what */

/* The key as it was given at that index, wherever it is asked for again. */
static int keep_key(E2ee *e2ee, const OutboundSession *session, const char *key)
{
        size_t size = strlen(key) + SECRETBOX_OVERHEAD;
        _cleanup_(freep) uint8_t *sealed = malloc(size);

        if (!sealed)
                return -ENOMEM;
        int r = secretbox_seal(e2ee->pickle_key, bytes_of_string(key), sealed);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "INSERT OR IGNORE INTO megolm_key(session_id, message_index, sealed) "
                         "VALUES (?, ?, ?)",
                         "tib", session->session_id, (int64_t) ratchet_outbound_index(session->ratchet),
                         BYTES(sealed, size));
}

static int room_key_content(const char *room_id, const char *session_id, const char *key,
                            cJSON **ret_content)
{
        return json_pack(ret_content, "{algorithm:s,room_id:s,session_id:s,session_key:s,shared_history:b}",
                         ALGORITHM_MEGOLM, room_id, session_id, key, 0);
}

/* Messages for many devices on their way into one request. */
typedef struct Batch {
        E2ee *e2ee;
        const OutboundSession *session;
        const char *type, *code; /* `code` of withheld ones, otherwise NULL */
        cJSON *messages;
        const Device *devices[MESSAGES_PER_REQUEST];
        size_t n_devices;
} Batch;

static void batch_done(Batch *batch)
{
        cJSON_Delete(batch->messages);
}

/* Queues the request, and notes in the same transaction who has the key by it. */
static int batch_flush(Batch *batch)
{
        E2ee *e2ee = batch->e2ee;
        cJSON *body = NULL;
        int64_t id;

        if (batch->n_devices == 0)
                return 0;
        int r = json_pack(&body, "{messages:o}", TAKE_PTR(batch->messages));
        if (r == 0)
                r = request_add(e2ee, &(NewRequest){ E2EE_TO_DEVICE, batch->type, body, NULL }, &id);
        for (size_t i = 0; r == 0 && i < batch->n_devices; i++)
                r = query_run(e2ee->database,
                              "INSERT OR REPLACE INTO megolm_share(session_id, user_id, device_id, "
                              "curve25519, message_index, request_id, code, sent_ms) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                              "ttttiiti", batch->session->session_id, batch->devices[i]->user_id,
                              batch->devices[i]->device_id, batch->devices[i]->curve25519,
                              (int64_t) ratchet_outbound_index(batch->session->ratchet), id, batch->code,
                              e2ee_now(e2ee));
        batch->n_devices = 0;
        return r;
}

/* Takes the content, also on failure. */
static int batch_add(Batch *batch, const Device *device, cJSON *content)
{
        if (!batch->messages)
                batch->messages = cJSON_CreateObject();

        cJSON *of_user = batch->messages ? object_enter(batch->messages, device->user_id) : NULL;
        if (!of_user) {
                cJSON_Delete(content);
                return -ENOMEM;
        }
        int r = object_put(of_user, device->device_id, content);
        if (r < 0)
                return r;

        batch->devices[batch->n_devices++] = device;
        return batch->n_devices == MESSAGES_PER_REQUEST ? batch_flush(batch) : 0;
}

static int share_keys(E2ee *e2ee, const OutboundSession *session, const Devices *devices, const char *key,
                      size_t *ret_waiting)
{
        _cleanup_(batch_done) Batch batch = { .e2ee = e2ee, .session = session, .type = "m.room.encrypted" };
        _cleanup_(json_freep) cJSON *content = NULL;

        int r = room_key_content(session->room_id, session->session_id, key, &content);
        for (size_t i = 0; r >= 0 && i < devices->n_items; i++) {
                const Device *device = &devices->items[i];
                cJSON *encrypted = NULL;

                r = channel_encrypt(e2ee, device, "m.room_key", content, &encrypted);
                if (r > 0)
                        r = batch_add(&batch, device, encrypted);
                else if (r == 0) {
                        (*ret_waiting)++;
                        r = claim_want(e2ee, device->user_id, device->curve25519);
                }
        }
        return r < 0 ? r : batch_flush(&batch);
}

static int withhold_keys(E2ee *e2ee, const OutboundSession *session, int share)
{
        _cleanup_(batch_done) Batch batch = {
                .e2ee = e2ee, .session = session, .type = "m.room_key.withheld", .code = withheld[share].code
        };
        _cleanup_(devices_done) Devices devices = { 0 };

        int r = find_missing(e2ee, session, share, &devices);
        for (size_t i = 0; r == 0 && i < devices.n_items; i++) {
                cJSON *content = NULL;

                r = json_pack(&content, "{algorithm:s,room_id:s,session_id:s,sender_key:s,code:s,reason:s}",
                              ALGORITHM_MEGOLM, session->room_id, session->session_id, e2ee->curve25519,
                              batch.code, withheld[share].reason);
                if (r == 0)
                        r = batch_add(&batch, &devices.items[i], content);
        }
        return r < 0 ? r : batch_flush(&batch);
}

int share_missing(E2ee *e2ee, const OutboundSession *session, size_t *ret_waiting)
{
        _cleanup_(devices_done) Devices allowed = { 0 };

        *ret_waiting = 0;
        int r = find_missing(e2ee, session, SHARE_KEY, &allowed);
        for (int share = SHARE_KEY + 1; r == 0 && share < _SHARE_MAX; share++)
                r = withhold_keys(e2ee, session, share);
        if (r < 0 || allowed.n_items == 0)
                return r;

        char *key = NULL;
        r = ratchet_outbound_key(session->ratchet, &key);
        if (r < 0)
                return r;
        r = keep_key(e2ee, session, key);
        if (r == 0)
                r = share_keys(e2ee, session, &allowed, key, ret_waiting);
        explicit_bzero(key, strlen(key));
        free(key);
        return r;
}

/* ---- again */

/* The key that the row was given, as the content of an m.room_key. */
static int kept_content(E2ee *e2ee, const Statement *share, cJSON **ret_content)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(secret_freep) Secret *key = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT sealed, room_id FROM megolm_key JOIN megolm_in USING (session_id) "
                      "WHERE session_id = ? AND message_index = ? AND curve25519 = ?",
                      "tit", statement_text(share, 0), statement_integer(share, 4), e2ee->curve25519);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;
        r = pickle_error(secretbox_open(e2ee->pickle_key, statement_bytes(rows, 0), &key));
        if (r < 0)
                return r;

        Bytes bytes = secret_bytes(key);
        char *text = strndup((const char *) bytes.data, bytes.size);
        if (!text)
                return -ENOMEM;
        r = room_key_content(statement_text(rows, 1), statement_text(share, 0), text, ret_content);
        explicit_bzero(text, bytes.size);
        free(text);
        return r < 0 ? r : 1;
}

static DeviceTrust least_trust(const E2ee *e2ee, const char *user_id)
{
        return e2ee->pinned_only && !streq(user_id, e2ee->user_id) ? DEVICE_TRUST_PINNED
                                                                   : DEVICE_TRUST_SIGNED;
}

/* To a device that is still what it was when it got the key. */
static int send_again(E2ee *e2ee, const Statement *share)
{
        _cleanup_(device_done) Device device = DEVICE_NULL;
        _cleanup_(json_freep) cJSON *content = NULL;
        cJSON *encrypted = NULL;
        DeviceTrust trust;

        int r = e2ee_device_trust(e2ee, statement_text(share, 1), statement_text(share, 3), &trust);
        if (r < 0 || trust < least_trust(e2ee, statement_text(share, 1)))
                return r;
        r = device_by_key(e2ee, statement_text(share, 1), statement_text(share, 3), &device);
        if (r > 0)
                r = kept_content(e2ee, share, &content);
        if (r > 0)
                r = channel_encrypt(e2ee, &device, "m.room_key", content, &encrypted);
        return r <= 0 ? r
                      : to_device_send(e2ee, "m.room.encrypted", device.user_id, device.device_id,
                                       encrypted);
}

int share_plan(E2ee *e2ee)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT session_id, user_id, device_id, curve25519, message_index FROM megolm_share "
                      "WHERE again AND code IS NULL",
                      "");
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                r = send_again(e2ee, rows);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return query_run(e2ee->database, "UPDATE megolm_share SET again = 0, sent_ms = ? WHERE again", "i",
                         e2ee_now(e2ee));
}
