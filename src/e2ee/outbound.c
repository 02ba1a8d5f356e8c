/* SPDX-License-Identifier: MIT */
/* Megolm, sending. */

#include "e2ee/outbound.h"

#include "e2ee/inbound.h"
#include "e2ee/message.h"
#include "e2ee/request.h"
#include "e2ee/room.h"
#include "e2ee/share.h"

#define SHARES_KEPT_MS (7 * 24 * MS_PER_HOUR) /* of replaced sessions */
#define AGAIN_AFTER_MS (60 * MS_PER_SECOND)   /* how often a device may ask for a key again */

static void session_done(OutboundSession *session)
{
        free(session->room_id);
        free(session->session_id);
        ratchet_outbound_free(session->ratchet);
        *session = OUTBOUND_SESSION_NULL;
}

/* 1: the room has a session. */
static int session_load(E2ee *e2ee, const char *room_id, OutboundSession *ret_session)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(session_done) OutboundSession session = OUTBOUND_SESSION_NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT session_id, pickle, created_ms, messages FROM megolm_out WHERE room_id = ?",
                      "t", room_id);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;

        session.room_id = strdup(room_id);
        session.session_id = strdup(statement_text(rows, 0));
        session.created_ms = statement_integer(rows, 2);
        session.messages = statement_integer(rows, 3);
        if (!session.room_id || !session.session_id)
                return -ENOMEM;
        r = pickle_error(ratchet_outbound_load(e2ee->pickle_key, statement_text(rows, 1), &session.ratchet));
        if (r < 0)
                return r;

        *ret_session = TAKE(session, OUTBOUND_SESSION_NULL);
        return 1;
}

static int session_save(E2ee *e2ee, const OutboundSession *session)
{
        _cleanup_(freep) char *pickle = NULL;

        int r = ratchet_outbound_save(session->ratchet, e2ee->pickle_key, &pickle);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "INSERT INTO megolm_out(room_id, session_id, pickle, created_ms, messages) "
                         "VALUES (?, ?, ?, ?, ?) ON CONFLICT (room_id) DO UPDATE SET "
                         "session_id = excluded.session_id, pickle = excluded.pickle, "
                         "created_ms = excluded.created_ms, messages = excluded.messages",
                         "tttii", session->room_id, session->session_id, pickle, session->created_ms,
                         session->messages);
}

/* Shares of replaced sessions serve key requests for a week. */
static int forget_old_shares(E2ee *e2ee)
{
        int r = query_run(e2ee->database,
                          "DELETE FROM megolm_share WHERE sent_ms < ? "
                          "AND session_id NOT IN (SELECT session_id FROM megolm_out)",
                          "i", e2ee_now(e2ee) - SHARES_KEPT_MS);
        if (r < 0)
                return r;
        return query_run(
                e2ee->database,
                "DELETE FROM megolm_key WHERE session_id NOT IN (SELECT session_id FROM megolm_out) "
                "AND session_id NOT IN (SELECT session_id FROM megolm_share)",
                "");
}

static int session_create(E2ee *e2ee, const char *room_id, OutboundSession *ret_session)
{
        _cleanup_(session_done) OutboundSession session = OUTBOUND_SESSION_NULL;
        char id[ED25519_TEXT_SIZE];
        char *key = NULL;

        int r = ratchet_outbound_new(&session.ratchet);
        if (r == 0)
                r = ratchet_outbound_id(session.ratchet, id);
        if (r == 0)
                r = ratchet_outbound_key(session.ratchet, &key);
        if (r == 0) {
                /* To read our own messages, and what others quote of them. */
                r = inbound_add(e2ee, &(ChannelSender){ e2ee->user_id, e2ee->curve25519, e2ee->ed25519 },
                                room_id, key);
                explicit_bzero(key, strlen(key));
                free(key);
        }
        if (r < 0)
                return r;

        session.room_id = strdup(room_id);
        session.session_id = strdup(id);
        session.created_ms = e2ee_now(e2ee);
        if (!session.room_id || !session.session_id)
                return -ENOMEM;
        r = session_save(e2ee, &session);
        if (r == 0)
                r = query_run(e2ee->database, "UPDATE room SET rotate = 0 WHERE room_id = ?", "t", room_id);
        if (r == 0)
                r = forget_old_shares(e2ee);
        if (r < 0)
                return r;

        *ret_session = TAKE(session, OUTBOUND_SESSION_NULL);
        return 0;
}

/* 1: the session must not be used for another message. */
static int session_is_over(E2ee *e2ee, const OutboundSession *session)
{
        int64_t over = 0;

        int r = query_integer(e2ee->database, &over,
                              "SELECT rotate OR ?1 >= rotation_messages OR ?2 NOT BETWEEN 0 AND rotation_ms "
                              "FROM room WHERE room_id = ?3",
                              "iit", session->messages, e2ee_now(e2ee) - session->created_ms,
                              session->room_id);
        if (r < 0 || over)
                return r < 0 ? r : 1;
        return share_has_lost_device(e2ee, session);
}

/* The session for the next message, a new one if need be. */
static int session_current(E2ee *e2ee, const char *room_id, OutboundSession *ret_session)
{
        int r = session_load(e2ee, room_id, ret_session);
        if (r < 0)
                return r;
        if (r > 0) {
                r = session_is_over(e2ee, ret_session);
                if (r <= 0)
                        return r;
                session_done(ret_session);
        }

        return session_create(e2ee, room_id, ret_session);
}

/* ---- encrypting */

/* 0: nothing more to wait for before the key is shared. */
static int check_room(E2ee *e2ee, const RoomMessage *message)
{
        int r = query_exists(e2ee->database, "SELECT 1 FROM room WHERE room_id = ? AND encrypted", "t",
                             message->room_id);
        if (r <= 0)
                return r < 0 ? r : ENCRYPT_NOT_HERE;
        r = e2ee_is_ready(e2ee);
        if (r <= 0)
                return r < 0 ? r : ENCRYPT_WAIT;
        if (message->hurry)
                return 0;

        /* Queries that failed are tried again later and later: those lists are not waited for. */
        r = query_exists(e2ee->database,
                         "SELECT 1 FROM member JOIN identity USING (user_id) WHERE room_id = ? "
                         "AND membership IN ('join', 'invite') AND dirty AND retry_ms <= ? LIMIT 1",
                         "ti", message->room_id, e2ee_now(e2ee));
        if (r <= 0)
                return r;
        r = e2ee_plan(e2ee);
        return r < 0 ? r : ENCRYPT_WAIT;
}

static int encrypt(E2ee *e2ee, OutboundSession *session, const RoomMessage *message, cJSON **ret_content)
{
        _cleanup_(json_freep) cJSON *payload = NULL, *relation = NULL;
        _cleanup_(freep) char *plain = NULL, *ciphertext = NULL;

        int r = json_pack(&payload, "{type:s,content:c,room_id:s}", message->type, message->content,
                          message->room_id);
        if (r < 0)
                return r;
        relation = cJSON_DetachItemFromObjectCaseSensitive(
                cJSON_GetObjectItemCaseSensitive(payload, "content"), "m.relates_to");

        r = canonical_json(payload, false, &plain);
        if (r == 0)
                r = ratchet_outbound_encrypt(session->ratchet, bytes_of_string(plain), &ciphertext);
        if (r < 0)
                return r;
        session->messages++;
        r = session_save(e2ee, session);
        if (r < 0)
                return r;

        return json_pack(ret_content,
                         "{algorithm:s,sender_key:s,device_id:s,session_id:s,ciphertext:s,m.relates_to:o}",
                         ALGORITHM_MEGOLM, e2ee->curve25519, e2ee->device_id, session->session_id,
                         ciphertext, TAKE_PTR(relation));
}

int e2ee_encrypt(E2ee *e2ee, const RoomMessage *message, cJSON **ret_content)
{
        _cleanup_(session_done) OutboundSession session = OUTBOUND_SESSION_NULL;
        size_t n_waiting;

        int r = check_room(e2ee, message);
        if (r != 0)
                return r;
        r = session_current(e2ee, message->room_id, &session);
        if (r == 0)
                r = share_missing(e2ee, &session, &n_waiting);
        if (r == 0)
                r = e2ee_plan(e2ee);
        if (r < 0)
                return r;

        /* The same goes for claims; only one under way is worth waiting for. */
        if (n_waiting > 0 && !message->hurry) {
                r = request_is_pending(e2ee, E2EE_KEYS_CLAIM);
                if (r != 0)
                        return r < 0 ? r : ENCRYPT_WAIT;
        }
        r = share_is_pending(e2ee, &session);
        if (r != 0)
                return r < 0 ? r : ENCRYPT_WAIT;

        return encrypt(e2ee, &session, message, ret_content);
}

/* ---- sharing again */

int outbound_share_again(E2ee *e2ee, const char *curve25519)
{
        return query_run(e2ee->database,
                         "UPDATE megolm_share SET again = 1 WHERE curve25519 = ? AND code IS NULL "
                         "AND session_id IN (SELECT session_id FROM megolm_out)",
                         "t", curve25519);
}

int outbound_receive_request(E2ee *e2ee, const cJSON *event)
{
        const cJSON *content = object_object(event, "content"), *body = object_object(content, "body");
        const char *sender = object_string(event, "sender"), *session_id = object_string(body, "session_id");
        const char *device_id = object_string(content, "requesting_device_id");

        if (!sender || !device_id || !session_id || !object_has(content, "action", "request") ||
            !object_has(body, "algorithm", ALGORITHM_MEGOLM))
                return 0;
        return query_run(e2ee->database,
                         "UPDATE megolm_share SET again = 1 WHERE session_id = ? AND user_id = ? "
                         "AND device_id = ? AND code IS NULL AND sent_ms <= ?",
                         "ttti", session_id, sender, device_id, e2ee_now(e2ee) - AGAIN_AFTER_MS);
}

int outbound_plan(E2ee *e2ee)
{
        return share_plan(e2ee);
}
