/* SPDX-License-Identifier: MIT */
/* Olm sessions and messages. */

#include "e2ee/channel.h"

#include "e2ee/account.h"
#include "e2ee/message-check.h"

#define SESSIONS_MAX 8 /* per device; the oldest goes */

/* ---- sessions */

int channel_session_add(E2ee *e2ee, RatchetSession *session, const char *curve25519)
{
        _cleanup_(freep) char *pickle = NULL;
        char id[ED25519_TEXT_SIZE];

        int r = ratchet_session_id(session, id);
        if (r == 0)
                r = ratchet_session_save(session, e2ee->pickle_key, &pickle);
        if (r == 0)
                r = query_run(e2ee->database,
                              "INSERT OR REPLACE INTO olm_session(session_id, curve25519, pickle, used_ms) "
                              "VALUES (?, ?, ?, ?)",
                              "ttti", id, curve25519, pickle, e2ee_now(e2ee));
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "DELETE FROM olm_session WHERE curve25519 = ?1 AND session_id NOT IN ("
                         "SELECT session_id FROM olm_session WHERE curve25519 = ?1 "
                         "ORDER BY used_ms DESC, rowid DESC LIMIT ?2)",
                         "ti", curve25519, (int64_t) SESSIONS_MAX);
}

typedef struct SessionRow {
        char *id;
        RatchetSession *session;
} SessionRow;

typedef struct Sessions {
        SessionRow rows[SESSIONS_MAX];
        size_t n_rows;
} Sessions;

static void sessions_done(Sessions *sessions)
{
        for (size_t i = 0; i < sessions->n_rows; i++) {
                free(sessions->rows[i].id);
                ratchet_session_free(sessions->rows[i].session);
        }
}

/* The sessions with a device: the one that last decrypted something first, which is the one to encrypt with.
 */
static int load_sessions(E2ee *e2ee, const char *curve25519, size_t max, Sessions *ret_sessions)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;

        int r = query(e2ee->database, &rows,
                      "SELECT session_id, pickle FROM olm_session WHERE curve25519 = ? "
                      "ORDER BY used_ms DESC, rowid DESC LIMIT ?",
                      "ti", curve25519, (int64_t) MIN(max, (size_t) SESSIONS_MAX));
        if (r < 0)
                return r;
        while ((r = statement_step(rows)) > 0) {
                SessionRow *row = &ret_sessions->rows[ret_sessions->n_rows++];

                *row = (SessionRow){ strdup(statement_text(rows, 0)), NULL };
                if (!row->id)
                        return -ENOMEM;
                r = pickle_error(
                        ratchet_session_load(e2ee->pickle_key, statement_text(rows, 1), &row->session));
                if (r < 0)
                        return r;
        }
        return r;
}

/* `used_ms` moves only when something was decrypted. */
static int save_session(E2ee *e2ee, const SessionRow *row, bool decrypted)
{
        _cleanup_(freep) char *pickle = NULL;

        int r = ratchet_session_save(row->session, e2ee->pickle_key, &pickle);
        if (r < 0)
                return r;

        return query_run(e2ee->database,
                         "UPDATE olm_session SET pickle = ?, used_ms = CASE WHEN ? THEN ? ELSE used_ms END "
                         "WHERE session_id = ?",
                         "tiit", pickle, (int64_t) decrypted, e2ee_now(e2ee), row->id);
}

/* ---- sending */

static int payload_make(E2ee *e2ee, const Device *device, const char *type, const cJSON *content,
                        char **ret_payload)
{
        _cleanup_(json_freep) cJSON *payload = NULL;
        cJSON *own_keys = NULL;

        int r = account_device_keys(e2ee, &own_keys);
        if (r < 0)
                return r;
        r = json_pack(&payload,
                      "{type:s,content:c,sender:s,sender_device:s,keys:{ed25519:s},recipient:s,"
                      "recipient_keys:{ed25519:s},sender_device_keys:o}",
                      type, content, e2ee->user_id, e2ee->device_id, e2ee->ed25519, device->user_id,
                      device->ed25519, own_keys);
        return r < 0 ? r : canonical_json(payload, false, ret_payload);
}

int channel_encrypt(E2ee *e2ee, const Device *device, const char *type, const cJSON *content,
                    cJSON **ret_encrypted)
{
        _cleanup_(sessions_done) Sessions sessions = { .n_rows = 0 };
        _cleanup_(freep) char *payload = NULL, *body = NULL;
        OlmMessage message;

        int r = load_sessions(e2ee, device->curve25519, 1, &sessions);
        if (r < 0 || sessions.n_rows == 0)
                return r;
        r = payload_make(e2ee, device, type, content, &payload);
        if (r == 0)
                r = ratchet_session_encrypt(sessions.rows[0].session, bytes_of_string(payload), &message);
        if (r < 0)
                return r;

        body = message.body;
        r = save_session(e2ee, &sessions.rows[0], false);
        if (r == 0)
                r = json_pack(ret_encrypted, "{algorithm:s,sender_key:s,ciphertext:{*:{type:i,body:s}}}",
                              ALGORITHM_OLM, e2ee->curve25519, device->curve25519, (int64_t) message.type,
                              body);
        return r < 0 ? r : 1;
}

/* ---- receiving */

void channel_plain_done(ChannelPlain *plain)
{
        if (plain->text)
                explicit_bzero(plain->text, plain->size);
        free(plain->text);
        *plain = CHANNEL_PLAIN_NULL;
}

/* A message for no session that we have. */
static int decrypt_first(E2ee *e2ee, const char *sender_key, const OlmMessage *message,
                         ChannelPlain *ret_plain)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(ratchet_session_freep) RatchetSession *session = NULL;

        int r = account_load(e2ee, &account);
        if (r < 0)
                return r;
        r = ratchet_session_inbound(account, sender_key, message->body, &session);
        if (r == 0)
                r = ratchet_session_decrypt(session, message, &ret_plain->text, &ret_plain->size);
        if (r != 0)
                return r;

        ret_plain->session_is_new = true;
        ratchet_account_remove_used_key(account, session);
        r = account_save(e2ee, account);
        return r < 0 ? r : channel_session_add(e2ee, session, sender_key);
}

int channel_decrypt(E2ee *e2ee, const char *sender_key, const OlmMessage *message, ChannelPlain *ret_plain)
{
        _cleanup_(sessions_done) Sessions sessions = { .n_rows = 0 };

        int r = olm_message_check(message->type, message->body);
        if (r == 0)
                r = load_sessions(e2ee, sender_key, SESSIONS_MAX, &sessions);
        if (r < 0)
                return r;

        for (size_t i = 0; i < sessions.n_rows; i++) {
                bool matches = message->type == OLM_MESSAGE_PREKEY;

                if (matches) {
                        r = ratchet_session_matches(sessions.rows[i].session, sender_key, message->body);
                        if (r <= 0)
                                continue;
                }
                r = ratchet_session_decrypt(sessions.rows[i].session, message, &ret_plain->text,
                                            &ret_plain->size);
                if (r == 0)
                        return save_session(e2ee, &sessions.rows[i], true);
                if (matches || !is_refusal(r))
                        return r; /* it was for this session, which is wedged */
        }

        return message->type == OLM_MESSAGE_PREKEY ? decrypt_first(e2ee, sender_key, message, ret_plain)
                                                   : -EBADMSG;
}
