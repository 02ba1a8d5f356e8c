/* SPDX-License-Identifier: MIT */
/* Megolm, receiving: keys and events. */

#include "e2ee/inbound.h"

#include "e2ee/account.h"
#include "e2ee/device-list.h"
#include "e2ee/message-check.h"
#include "e2ee/message.h"
#include "e2ee/parked.h"

void decrypted_event_clear(DecryptedEvent *event)
{
        cJSON_Delete(event->payload);
        free(event->curve25519);
        *event = DECRYPTED_EVENT_NULL;
}

/* ---- keys */

/* Whether what we have of the session already may be replaced: 1 by a key that reads more, of the same
 * device. */
static int replaces(E2ee *e2ee, const ChannelSender *sender, const char *room_id, const char *session_id,
                    uint32_t first_index)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT user_id = ? AND curve25519 = ? AND first_index > ? FROM megolm_in "
                      "WHERE room_id = ? AND session_id = ?",
                      "ttitt", sender->user_id, sender->curve25519, (int64_t) first_index, room_id,
                      session_id);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r < 0 ? r : 1;

        return statement_integer(rows, 0) != 0;
}

int inbound_add(E2ee *e2ee, const ChannelSender *sender, const char *room_id, const char *session_key)
{
        _cleanup_(ratchet_inbound_freep) RatchetInbound *inbound = NULL;
        _cleanup_(freep) char *pickle = NULL;
        char session_id[ED25519_TEXT_SIZE];

        int r = ratchet_inbound_new(session_key, &inbound);
        if (r == 0)
                r = ratchet_inbound_id(inbound, session_id);
        if (r != 0)
                return is_refusal(r) ? 0 : r;

        uint32_t first_index = ratchet_inbound_first_index(inbound);
        r = replaces(e2ee, sender, room_id, session_id, first_index);
        if (r <= 0)
                return r;
        r = ratchet_inbound_save(inbound, e2ee->pickle_key, &pickle);
        if (r == 0)
                r = query_run(e2ee->database,
                              "INSERT OR REPLACE INTO megolm_in(room_id, session_id, user_id, curve25519, "
                              "pickle, first_index) VALUES (?, ?, ?, ?, ?, ?)",
                              "ttttti", room_id, session_id, sender->user_id, sender->curve25519, pickle,
                              (int64_t) first_index);
        return r < 0 ? r : parked_on_key(e2ee, room_id, session_id);
}

int inbound_receive_key(E2ee *e2ee, const ChannelSender *sender, const cJSON *content)
{
        const char *room_id = object_string(content, "room_id");
        const char *session_id = object_string(content, "session_id");
        const char *session_key = object_string(content, "session_key");
        _cleanup_(ratchet_inbound_freep) RatchetInbound *inbound = NULL;
        char id[ED25519_TEXT_SIZE];

        if (!room_id || !session_id || !session_key || !object_has(content, "algorithm", ALGORITHM_MEGOLM))
                return 0;
        int r = ratchet_inbound_new(session_key, &inbound);
        if (r == 0)
                r = ratchet_inbound_id(inbound, id);
        if (r != 0)
                return is_refusal(r) ? 0 : r;

        return streq(id, session_id) ? inbound_add(e2ee, sender, room_id, session_key) : 0;
}

/* ---- events */

void inbound_cache_done(InboundCache *cache)
{
        for (size_t i = 0; i < ELEMENTSOF(cache->slots); i++) {
                ratchet_inbound_free(cache->slots[i].session);
                free(cache->slots[i].pickle);
        }
}

/* The session stays the cache's. */
static int load_cached(E2ee *e2ee, const char *pickle, RatchetInbound **ret_session)
{
        InboundCache *cache = &e2ee->inbound_cache;
        _cleanup_(ratchet_inbound_freep) RatchetInbound *session = NULL;
        _cleanup_(freep) char *copy = NULL;

        for (size_t i = 0; i < ELEMENTSOF(cache->slots); i++)
                if (cache->slots[i].pickle && streq(cache->slots[i].pickle, pickle)) {
                        *ret_session = cache->slots[i].session;
                        return 0;
                }

        int r = pickle_error(ratchet_inbound_load(e2ee->pickle_key, pickle, &session));
        if (r < 0)
                return r;
        copy = strdup(pickle);
        if (!copy)
                return -ENOMEM;

        size_t slot = cache->next++ % ELEMENTSOF(cache->slots);
        ratchet_inbound_free(cache->slots[slot].session);
        free(cache->slots[slot].pickle);
        cache->slots[slot].pickle = TAKE_PTR(copy);
        *ret_session = cache->slots[slot].session = TAKE_PTR(session);
        return 0;
}

typedef struct InboundRow {
        RatchetInbound *session; /* of the cache */
        char *user_id, *curve25519;
} InboundRow;

static void inbound_row_done(InboundRow *row)
{
        free(row->user_id);
        free(row->curve25519);
}

/* 1: there is such a session. */
static int load_inbound(E2ee *e2ee, const char *room_id, const char *session_id, InboundRow *ret_row)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT user_id, curve25519, pickle FROM megolm_in "
                      "WHERE room_id = ? AND session_id = ?",
                      "tt", room_id, session_id);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        ret_row->user_id = strdup(statement_text(rows, 0));
        ret_row->curve25519 = strdup(statement_text(rows, 1));
        if (!ret_row->user_id || !ret_row->curve25519)
                return -ENOMEM;
        r = load_cached(e2ee, statement_text(rows, 2), &ret_row->session);
        return r < 0 ? r : 1;
}

/* What identifies an event for ever. The time is of the server, which could show one event under two of
 * them. */
typedef struct EventId {
        const char *event_id;
        int64_t origin_ms;
} EventId;

/* 0: the index belongs to this event, `ret_again` if since an earlier call; DECRYPT_REPLAYED: to another. */
static int claim_index(E2ee *e2ee, const char *session_id, uint32_t index, const EventId *event,
                       bool *ret_again)
{
        int64_t is_same = 0;

        int r = query_run(e2ee->database,
                          "INSERT INTO megolm_index(session_id, message_index, event_id, origin_ms) "
                          "VALUES (?, ?, ?, ?)",
                          "titi", session_id, (int64_t) index, event->event_id, event->origin_ms);
        *ret_again = r == -EEXIST;
        if (!*ret_again)
                return r;

        r = query_integer(e2ee->database, &is_same,
                          "SELECT event_id = ? AND origin_ms = ? FROM megolm_index "
                          "WHERE session_id = ? AND message_index = ?",
                          "titi", event->event_id, event->origin_ms, session_id, (int64_t) index);
        return r < 0 ? r : is_same ? 0 : DECRYPT_REPLAYED;
}

/* Decrypts and reads. DECRYPT_PARKED: the session begins behind this message. */
static int open_payload(const InboundRow *row, const char *ciphertext, const char *room_id,
                        cJSON **ret_payload, uint32_t *ret_index)
{
        _cleanup_(freep) char *plain = NULL;
        _cleanup_(json_freep) cJSON *payload = NULL;
        size_t size;

        int r = ratchet_inbound_decrypt(row->session, ciphertext, &plain, &size, ret_index);
        if (r == RATCHET_UNKNOWN_INDEX)
                return DECRYPT_PARKED;
        if (r == 0)
                r = matrix_json_parse(BYTES(plain, size), MESSAGE_SIZE_MAX, &payload);
        if (r != 0)
                return is_refusal(r) ? DECRYPT_REJECTED : r;
        if (!object_string(payload, "type") || !object_object(payload, "content") ||
            !object_has(payload, "room_id", room_id))
                return DECRYPT_REJECTED;

        *ret_payload = TAKE_PTR(payload);
        return 0;
}

/* A message of our own that is newer than our session: another copy of the store has sent it. */
static int check_own_index(E2ee *e2ee, const InboundRow *row, const char *session_id, uint32_t index)
{
        int64_t messages;

        if (!streq(row->curve25519, e2ee->curve25519))
                return 0;
        int r = query_integer(e2ee->database, &messages,
                              "SELECT messages FROM megolm_out WHERE session_id = ?", "t", session_id);
        return r > 0 && index >= messages ? fault_set(e2ee, E2EE_FAULT_ROLLED_BACK) : MIN(r, 0);
}

/* 1: the device is not known yet, and the user's list is being asked for. */
static int waits_for_device(E2ee *e2ee, const InboundRow *row, DeviceTrust trust)
{
        return trust != DEVICE_TRUST_UNKNOWN
                       ? 0
                       : query_exists(e2ee->database,
                                      "SELECT 1 FROM identity WHERE user_id = ? AND tracked AND dirty", "t",
                                      row->user_id);
}

static int park(E2ee *e2ee, const char *room_id, const cJSON *event, ParkedFor what)
{
        const char *session_id = object_string(object_object(event, "content"), "session_id");

        int r = parked_add(e2ee, room_id, session_id, event, what);
        return r < 0 ? r : DECRYPT_PARKED;
}

int e2ee_decrypt(E2ee *e2ee, const char *room_id, const cJSON *event, DecryptedEvent *ret_event)
{
        const cJSON *content = object_object(event, "content");
        const char *session_id = object_string(content, "session_id");
        const char *ciphertext = object_string(content, "ciphertext");
        const char *sender = object_string(event, "sender");
        EventId id = { object_string(event, "event_id"), 0 };
        _cleanup_(inbound_row_done) InboundRow row = { 0 };
        _cleanup_(decrypted_event_clear) DecryptedEvent result = DECRYPTED_EVENT_NULL;
        uint32_t index;

        if (!session_id || !ciphertext || !sender || !id.event_id ||
            !object_has(content, "algorithm", ALGORITHM_MEGOLM) ||
            !object_integer(event, "origin_server_ts", 0, MATRIX_JSON_INTEGER, &id.origin_ms))
                return DECRYPT_REJECTED;

        int r = load_inbound(e2ee, room_id, session_id, &row);
        if (r > 0 && !streq(row.user_id, sender))
                return DECRYPT_REJECTED;
        if (r <= 0)
                return r < 0 ? r : park(e2ee, room_id, event, PARKED_FOR_KEY);
        r = e2ee_device_trust(e2ee, sender, row.curve25519, &result.trust);
        if (r == 0)
                r = waits_for_device(e2ee, &row, result.trust);
        if (r != 0)
                return r < 0 ? r : park(e2ee, room_id, event, PARKED_FOR_DEVICE);
        r = open_payload(&row, ciphertext, room_id, &result.payload, &index);
        if (r != 0)
                return r == DECRYPT_PARKED ? park(e2ee, room_id, event, PARKED_FOR_KEY) : r;

        r = check_own_index(e2ee, &row, session_id, index);
        if (r == 0)
                r = claim_index(e2ee, session_id, index, &id, &result.again);
        if (r == 0 && result.trust == DEVICE_TRUST_UNKNOWN)
                r = device_list_mark_dirty(e2ee, sender);
        if (r != 0)
                return r;

        result.type = object_string(result.payload, "type");
        result.content = object_object(result.payload, "content");
        result.curve25519 = TAKE_PTR(row.curve25519);
        *ret_event = TAKE(result, DECRYPTED_EVENT_NULL);
        return 0;
}
