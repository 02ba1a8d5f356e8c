/* SPDX-License-Identifier: MIT */
/* The steps of a verification:
 *
 *         request → ready → start → accept → key → key → (people compare) → mac ↔ mac → done
 *
 * Who starts has the first word in the short string; who accepts commits to its key before it sees the
 * other's, so that an attacker cannot search for a key that gives the same seven emojis. */

#include "e2ee/cross-signing.h"
#include "e2ee/request.h"
#include "e2ee/verification-internal.h"

#define LIFETIME_MS (600 * MS_PER_SECOND)
#define KEPT_MS     MS_PER_HOUR /* what has ended */
#define FLOWS_MAX   16          /* that others can make us store */

#define AGREEMENT "curve25519-hkdf-sha256"
#define HASH      "sha256"
#define MAC       "hkdf-hmac-sha256.v2"

/* ---- sending */

int verification_send(E2ee *e2ee, const Verification *verification, const char *type, cJSON *content)
{
        cJSON *relation = NULL;

        if (!verification->room_id) {
                int r = object_put_string(content, "transaction_id", verification->txn_id);
                if (r < 0) {
                        cJSON_Delete(content);
                        return r;
                }
                return to_device_send(e2ee, type, verification->user_id, strempty(verification->device_id),
                                      content);
        }

        int r = json_pack(&relation, "{rel_type:s,event_id:s}", "m.reference", verification->txn_id);
        if (r == 0)
                r = object_put(content, "m.relates_to", relation);
        if (r < 0) {
                cJSON_Delete(content);
                return r;
        }
        return request_add(
                e2ee, &(NewRequest){ E2EE_ROOM_EVENT, type, content, NULL, verification->room_id }, NULL);
}

static int end(E2ee *e2ee, Verification *verification, VerificationState state, const char *code)
{
        verification->state = state;
        verification->secret = secret_free(verification->secret);
        free(verification->code);
        verification->code = code ? strdup(code) : NULL;
        if (code && !verification->code)
                return -ENOMEM;
        return verification_save(e2ee, verification);
}

int verification_abort(E2ee *e2ee, Verification *verification, const char *code)
{
        cJSON *content = NULL;

        int r = json_pack(&content, "{code:s,reason:s}", code, code);
        if (r == 0)
                r = verification_send(e2ee, verification, "m.key.verification.cancel", content);
        return r < 0 ? r : end(e2ee, verification, VERIFICATION_CANCELLED, code);
}

/* Makes our ephemeral key. */
static int make_key(Verification *verification)
{
        char public[CURVE25519_TEXT_SIZE];

        verification->secret = secret_free(verification->secret);
        int r = sas_generate(&verification->secret, public);
        if (r < 0)
                return r;
        free(verification->our_key);
        verification->our_key = strdup(public);
        return verification->our_key ? 0 : -ENOMEM;
}

static int send_key(E2ee *e2ee, Verification *verification)
{
        cJSON *content = NULL;

        int r = json_pack(&content, "{key:s}", verification->our_key);
        return r < 0 ? r : verification_send(e2ee, verification, "m.key.verification.key", content);
}

/* The content as the other side will see it is what the commitment is over. */
static int send_start(E2ee *e2ee, Verification *verification)
{
        cJSON *content = NULL, *relation = NULL;

        if (verification->room_id) {
                int r = json_pack(&relation, "{rel_type:s,event_id:s}", "m.reference", verification->txn_id);
                if (r < 0)
                        return r;
        }
        int r = json_pack(&content,
                          "{from_device:s,method:s,key_agreement_protocols:[s],hashes:[s],"
                          "message_authentication_codes:[s],short_authentication_string:[s,s],"
                          "transaction_id:s,m.relates_to:o}",
                          e2ee->device_id, "m.sas.v1", AGREEMENT, HASH, MAC, "decimal", "emoji",
                          verification->room_id ? NULL : verification->txn_id, relation);
        if (r < 0)
                return r;
        free(TAKE_PTR(verification->start));
        r = canonical_json(content, false, &verification->start);
        if (r < 0) {
                cJSON_Delete(content);
                return r;
        }

        verification->we_started = true;
        verification->state = VERIFICATION_STARTED;
        r = verification_send(e2ee, verification, "m.key.verification.start", content);
        return r < 0 ? r : verification_save(e2ee, verification);
}

/* ---- receiving: each gets a flow in a state that the table allows; positive results mean "unexpected" */

#define UNEXPECTED 1

typedef int MessageReader(E2ee *e2ee, Verification *verification, const cJSON *content);

/* While we verify, the device may read the room that we do it in, signed or not. */
static int allow_device(E2ee *e2ee, const Verification *verification)
{
        return query_run(e2ee->database,
                         "UPDATE device SET verifying_until_ms = ? WHERE user_id = ? AND device_id = ?",
                         "itt", verification->room_id ? e2ee_now(e2ee) + LIFETIME_MS : 0,
                         verification->user_id, verification->device_id);
}

static int on_ready(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        const char *device_id = object_string(content, "from_device");

        if (verification->state != VERIFICATION_ASKED || !device_id)
                return UNEXPECTED;

        free(verification->device_id);
        verification->device_id = strdup(device_id);
        if (!verification->device_id)
                return -ENOMEM;
        int r = allow_device(e2ee, verification);
        return r < 0 ? r : send_start(e2ee, verification);
}

static bool has_text(const cJSON *content, const char *key, const char *text)
{
        const cJSON *item;

        cJSON_ArrayForEach(item, object_array(content, key))
                if (cJSON_IsString(item) && streq(item->valuestring, text))
                        return true;
        return false;
}

/* Both may start simultaneously: then the start of the smaller user id, or device id, counts. */
static bool their_start_counts(E2ee *e2ee, const Verification *verification)
{
        int order = strcmp(verification->user_id, e2ee->user_id);

        return order < 0 || (order == 0 && strcmp(verification->device_id, e2ee->device_id) < 0);
}

static int on_start(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        char commitment[CURVE25519_TEXT_SIZE];
        cJSON *accept = NULL;

        if (verification->state == VERIFICATION_STARTED && !their_start_counts(e2ee, verification))
                return 0;
        if (verification->state != VERIFICATION_READY && verification->state != VERIFICATION_STARTED)
                return UNEXPECTED;
        if (!object_has(content, "from_device", strempty(verification->device_id)))
                return verification_abort(e2ee, verification, "m.unexpected_message");
        if (!object_has(content, "method", "m.sas.v1") ||
            !has_text(content, "key_agreement_protocols", AGREEMENT) || !has_text(content, "hashes", HASH) ||
            !has_text(content, "message_authentication_codes", MAC) ||
            !has_text(content, "short_authentication_string", "decimal"))
                return verification_abort(e2ee, verification, "m.unknown_method");

        free(TAKE_PTR(verification->start));
        int r = canonical_json(content, false, &verification->start);
        if (r == -EBADMSG)
                return verification_abort(e2ee, verification, "m.invalid_message");
        if (r == 0)
                r = make_key(verification);
        if (r < 0)
                return r;

        verification->we_started = false;
        verification->state = VERIFICATION_ACCEPTED;
        sas_commitment(verification->our_key, verification->start, commitment);
        r = json_pack(&accept,
                      "{method:s,key_agreement_protocol:s,hash:s,message_authentication_code:s,"
                      "short_authentication_string:[s,s],commitment:s}",
                      "m.sas.v1", AGREEMENT, HASH, MAC, "decimal", "emoji", commitment);
        if (r == 0)
                r = verification_send(e2ee, verification, "m.key.verification.accept", accept);
        return r < 0 ? r : verification_save(e2ee, verification);
}

static int on_accept(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        const char *commitment = object_string(content, "commitment");

        if (verification->state != VERIFICATION_STARTED)
                return UNEXPECTED;
        if (!commitment || !object_has(content, "key_agreement_protocol", AGREEMENT) ||
            !object_has(content, "hash", HASH) || !object_has(content, "message_authentication_code", MAC))
                return verification_abort(e2ee, verification, "m.unknown_method");

        verification->state = VERIFICATION_ACCEPTED;
        free(verification->commitment);
        verification->commitment = strdup(commitment);
        int r = verification->commitment ? make_key(verification) : -ENOMEM;
        if (r == 0)
                r = send_key(e2ee, verification);
        return r < 0 ? r : verification_save(e2ee, verification);
}

static int on_key(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        const char *key = object_string(content, "key");
        _cleanup_(secret_freep) Secret *shared = NULL;
        char commitment[CURVE25519_TEXT_SIZE];

        if (verification->state != VERIFICATION_ACCEPTED || !key)
                return UNEXPECTED;
        if (verification->we_started) {
                sas_commitment(key, verification->start, commitment);
                if (!streq(commitment, verification->commitment))
                        return verification_abort(e2ee, verification, "m.mismatched_commitment");
        }

        free(verification->their_key);
        verification->their_key = strdup(key);
        if (!verification->their_key)
                return -ENOMEM;
        int r = verification_agree(e2ee, verification, &shared);
        if (r == -EBADMSG)
                return verification_abort(e2ee, verification, "m.invalid_message");
        if (r == 0 && !verification->we_started)
                r = send_key(e2ee, verification);
        verification->state = VERIFICATION_COMPARING;
        return r < 0 ? r : verification_save(e2ee, verification);
}

/* Both people confirmed: whether the keys are those that they compared with. */
static int finish(E2ee *e2ee, Verification *verification, const cJSON *mac)
{
        cJSON *content = cJSON_CreateObject();
        bool master = false;

        if (!content)
                return -ENOMEM;
        int r = verification_check_mac(e2ee, verification, mac, &master);
        if (r < 0) {
                cJSON_Delete(content);
                return r == -EBADMSG ? verification_abort(e2ee, verification, "m.key_mismatch") : r;
        }

        r = verification_send(e2ee, verification, "m.key.verification.done", content);
        if (r == 0 && master && !streq(verification->user_id, e2ee->user_id))
                r = cross_signing_sign_user(e2ee, verification->user_id);
        return r < 0 ? r : end(e2ee, verification, VERIFICATION_DONE, NULL);
}

static int on_mac(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        if (verification->state == VERIFICATION_CONFIRMED)
                return finish(e2ee, verification, content);
        if (verification->state != VERIFICATION_COMPARING || verification->their_mac)
                return UNEXPECTED;

        int r = canonical_json(content, false, &verification->their_mac);
        if (r == -EBADMSG)
                return verification_abort(e2ee, verification, "m.invalid_message");
        return r < 0 ? r : verification_save(e2ee, verification);
}

static int on_cancel(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        const char *code = object_string(content, "code");

        return end(e2ee, verification, VERIFICATION_CANCELLED, code ? code : "m.unknown");
}

static int on_done(E2ee *e2ee, Verification *verification, const cJSON *content)
{
        return 0; /* we are done when their MACs were right */
}

/* ---- flows */

static int allocate(Verification *verification, const char *txn_id, const char *user_id,
                    const char *device_id, const char *room_id)
{
        verification->txn_id = strdup(txn_id);
        verification->user_id = strdup(user_id);
        verification->device_id = device_id ? strdup(device_id) : NULL;
        verification->room_id = room_id ? strdup(room_id) : NULL;
        return verification->txn_id && verification->user_id && (!device_id || verification->device_id) &&
                               (!room_id || verification->room_id)
                       ? 0
                       : -ENOMEM;
}

static int receive_request(E2ee *e2ee, const VerificationMessage *message)
{
        const char *txn_id =
                message->room_id ? message->event_id : object_string(message->content, "transaction_id");
        const char *device_id = object_string(message->content, "from_device");
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        int64_t n_flows = 0;

        if (!txn_id || !device_id || !has_text(message->content, "methods", "m.sas.v1") ||
            (message->room_id && !object_has(message->content, "to", e2ee->user_id)))
                return 0;
        int r = query_integer(e2ee->database, &n_flows, "SELECT count(*) FROM verification", "");
        if (r >= 0)
                r = query_exists(e2ee->database, "SELECT 1 FROM verification WHERE txn_id = ?", "t", txn_id);
        if (r != 0 || n_flows >= FLOWS_MAX)
                return MIN(r, 0);

        r = allocate(&verification, txn_id, message->sender, device_id, message->room_id);
        if (r < 0)
                return r;
        verification.state = VERIFICATION_REQUESTED;
        verification.created_ms = e2ee_now(e2ee);
        return verification_save(e2ee, &verification);
}

int e2ee_receive_verification(E2ee *e2ee, const VerificationMessage *message)
{
        static const struct {
                const char *type;
                MessageReader *read;
        } readers[] = {
                { "m.key.verification.ready", on_ready },   { "m.key.verification.start", on_start },
                { "m.key.verification.accept", on_accept }, { "m.key.verification.key", on_key },
                { "m.key.verification.mac", on_mac },       { "m.key.verification.cancel", on_cancel },
                { "m.key.verification.done", on_done },
        };
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        const char *txn_id =
                message->room_id ? object_string(object_object(message->content, "m.relates_to"), "event_id")
                                 : object_string(message->content, "transaction_id");

        if (message->room_id && streq(message->sender, e2ee->user_id))
                return 0; /* our own messages are delivered to us, too */
        if (streq(message->type, "m.key.verification.request") ||
            (streq(message->type, "m.room.message") &&
             object_has(message->content, "msgtype", "m.key.verification.request")))
                return receive_request(e2ee, message);
        if (!txn_id)
                return 0;

        int r = verification_load(e2ee, txn_id, &verification);
        if (r <= 0)
                return r;
        if (!streq(message->sender, verification.user_id) ||
            !streq(strempty(message->room_id), strempty(verification.room_id)) ||
            verification.state >= VERIFICATION_DONE)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(readers); i++)
                if (streq(message->type, readers[i].type)) {
                        r = readers[i].read(e2ee, &verification, message->content);
                        return r == UNEXPECTED
                                       ? verification_abort(e2ee, &verification, "m.unexpected_message")
                                       : r;
                }
        return 0;
}

int e2ee_verification_ask(E2ee *e2ee, const char *user_id, const char *device_id, const char *room_id,
                          int64_t *ret_id)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        char txn_id[RANDOM_ID_SIZE];
        cJSON *content = NULL, *context = NULL;

        int r = random_id(txn_id);
        if (r == 0)
                r = allocate(&verification, txn_id, user_id, device_id, room_id);
        if (r < 0)
                return r;
        verification.state = VERIFICATION_ASKED;
        verification.created_ms = e2ee_now(e2ee);
        r = verification_save(e2ee, &verification);
        if (r == 0 && ret_id)
                r = query_integer(e2ee->database, ret_id, "SELECT id FROM verification WHERE txn_id = ?",
                                  "t", txn_id);
        if (r < 0)
                return r;

        if (!room_id) {
                r = json_pack(&content, "{from_device:s,methods:[s],timestamp:i}", e2ee->device_id,
                              "m.sas.v1", e2ee_now(e2ee));
                return r < 0 ? r
                             : verification_send(e2ee, &verification, "m.key.verification.request", content);
        }
        /* The id of the flow is that of the event, which is known when it was sent. */
        r = json_pack(&content, "{msgtype:s,body:s,from_device:s,methods:[s],to:s}",
                      "m.key.verification.request", "Asks to verify keys.", e2ee->device_id, "m.sas.v1",
                      user_id);
        if (r == 0)
                r = json_pack(&context, "{verification:s}", txn_id);
        if (r < 0) {
                cJSON_Delete(content);
                return r;
        }
        return request_add(
                e2ee, &(NewRequest){ E2EE_ROOM_EVENT, "m.room.message", content, context, room_id }, NULL);
}

int e2ee_verification_accept(E2ee *e2ee, const char *txn_id)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        cJSON *content = NULL;

        int r = verification_load(e2ee, txn_id, &verification);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        if (verification.state != VERIFICATION_REQUESTED)
                return -EINVAL;

        verification.state = VERIFICATION_READY;
        r = json_pack(&content, "{from_device:s,methods:[s]}", e2ee->device_id, "m.sas.v1");
        if (r == 0)
                r = verification_send(e2ee, &verification, "m.key.verification.ready", content);
        if (r == 0)
                r = allow_device(e2ee, &verification);
        return r < 0 ? r : verification_save(e2ee, &verification);
}

int e2ee_verification_confirm(E2ee *e2ee, const char *txn_id)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;
        _cleanup_(json_freep) cJSON *their_mac = NULL;
        cJSON *content = NULL;

        int r = verification_load(e2ee, txn_id, &verification);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        if (verification.state != VERIFICATION_COMPARING)
                return -EINVAL;

        verification.state = VERIFICATION_CONFIRMED;
        r = verification_mac(e2ee, &verification, &content);
        if (r == 0)
                r = verification_send(e2ee, &verification, "m.key.verification.mac", content);
        if (r == 0)
                r = verification_save(e2ee, &verification);
        if (r < 0 || !verification.their_mac)
                return r;

        r = pickle_error(matrix_json_parse(bytes_of_string(verification.their_mac), SIZE_MAX, &their_mac));
        return r < 0 ? r : finish(e2ee, &verification, their_mac);
}

int e2ee_verification_cancel(E2ee *e2ee, const char *txn_id, const char *code)
{
        _cleanup_(verification_clear) Verification verification = VERIFICATION_NULL;

        int r = verification_load(e2ee, txn_id, &verification);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        if (!code)
                code = verification.state == VERIFICATION_COMPARING ? "m.mismatched_sas" : "m.user";
        return verification.state >= VERIFICATION_DONE ? -EINVAL
                                                       : verification_abort(e2ee, &verification, code);
}

int verification_plan(E2ee *e2ee)
{
        _cleanup_(freep) char *txn_id = NULL;

        int r = query_run(e2ee->database, "DELETE FROM verification WHERE created_ms <= ?", "i",
                          e2ee_now(e2ee) - KEPT_MS);
        if (r == 0)
                r = query_text(e2ee->database, &txn_id,
                               "SELECT txn_id FROM verification WHERE state < ? AND created_ms <= ? LIMIT 1",
                               "ii", (int64_t) VERIFICATION_DONE, e2ee_now(e2ee) - LIFETIME_MS);
        return r <= 0 ? r : e2ee_verification_cancel(e2ee, txn_id, "m.timeout");
}
