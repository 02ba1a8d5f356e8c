/* SPDX-License-Identifier: MIT */
/* Encrypted to-device events. */

#include "e2ee/olm-event.h"

#include "crypto/sha256.h"
#include "e2ee/channel.h"
#include "e2ee/claim.h"
#include "e2ee/device-list.h"
#include "e2ee/device.h"
#include "e2ee/inbound.h"
#include "e2ee/message-check.h"
#include "e2ee/outbound.h"
#include "e2ee/verification.h"

/* The checks of the specification. The sender's own copy of its device keys, if there is one, must be of the
 * same keys. */
static int payload_check(E2ee *e2ee, const cJSON *payload, const char *sender, const char *sender_key)
{
        const char *ed25519 = object_string(object_object(payload, "keys"), "ed25519");
        const cJSON *device_keys = object_object(payload, "sender_device_keys");
        const char *device_id = object_string(device_keys, "device_id");

        if (!ed25519 || !object_has(payload, "sender", sender) ||
            !object_has(payload, "recipient", e2ee->user_id) ||
            !object_has(object_object(payload, "recipient_keys"), "ed25519", e2ee->ed25519))
                return -EBADMSG;
        if (!object_get(payload, "sender_device_keys"))
                return 0;
        if (!device_id)
                return -EBADMSG;

        int r = device_keys_check(device_keys, sender, device_id);
        if (r < 0)
                return r;
        return device_keys_are(device_keys, device_id, sender_key, ed25519) ? 0 : -EBADMSG;
}

static int dispatch(E2ee *e2ee, const ChannelSender *sender, const cJSON *payload)
{
        const char *type = object_string(payload, "type");
        const cJSON *content = object_object(payload, "content");

        if (!type || !content)
                return 0;
        if (streq(type, "m.room_key"))
                return inbound_receive_key(e2ee, sender, content);
        if (startswith(type, "m.key.verification."))
                return e2ee_receive_verification(
                        e2ee, &(VerificationMessage){ sender->user_id, type, NULL, NULL, content });
        return 0; /* m.dummy has no effect; m.forwarded_room_key is never accepted */
}

static int receive_plain(E2ee *e2ee, const char *sender, const char *sender_key, Bytes plain)
{
        _cleanup_(json_freep) cJSON *payload = NULL;
        _cleanup_(device_done) Device device = DEVICE_NULL;

        int r = matrix_json_parse(plain, MESSAGE_SIZE_MAX, &payload);
        if (r == 0)
                r = payload_check(e2ee, payload, sender, sender_key);
        if (r < 0)
                return is_refusal(r) ? 0 : r;

        const char *ed25519 = object_string(object_object(payload, "keys"), "ed25519");
        r = device_by_key(e2ee, sender, sender_key, &device);
        if (r > 0 && !streq(device.ed25519, ed25519))
                return 0; /* the curve key and the signing key belong to different devices */
        if (r == 0)
                r = device_list_mark_dirty(e2ee, sender);
        if (r < 0)
                return r;

        return dispatch(e2ee, &(ChannelSender){ sender, sender_key, ed25519 }, payload);
}

/* The sender made a new session because it could not read: what it should have goes out again. */
static int on_new_session(E2ee *e2ee, const char *sender_key)
{
        int r = claim_on_session(e2ee, sender_key);
        return r < 0 ? r : outbound_share_again(e2ee, sender_key);
}

int olm_event_receive(E2ee *e2ee, const cJSON *event)
{
        const cJSON *content = object_object(event, "content");
        const cJSON *for_us = object_object(object_object(content, "ciphertext"), e2ee->curve25519);
        const char *sender = object_string(event, "sender"),
                   *sender_key = object_string(content, "sender_key");
        const char *body = object_string(for_us, "body");
        _cleanup_(channel_plain_done) ChannelPlain plain = CHANNEL_PLAIN_NULL;
        int64_t type;
        Sha256 hash;

        if (!sender || !sender_key || !body || !object_has(content, "algorithm", ALGORITHM_OLM) ||
            !object_integer(for_us, "type", OLM_MESSAGE_PREKEY, OLM_MESSAGE_NORMAL, &type))
                return 0;

        /* One that was decrypted before is delivered again until the sync token has moved on. */
        sha256(bytes_of_string(body), &hash);
        int r = query_exists(e2ee->database, "SELECT 1 FROM olm_hash WHERE hash = ?", "b",
                             BYTES_OF(hash.bytes));
        if (r != 0)
                return MIN(r, 0);

        r = channel_decrypt(e2ee, sender_key, &(OlmMessage){ (OlmMessageType) type, (char *) body }, &plain);
        if (r != 0)
                return is_refusal(r) ? claim_unwedge(e2ee, sender, sender_key) : r;
        if (plain.session_is_new)
                r = on_new_session(e2ee, sender_key);
        if (r == 0)
                r = query_run(e2ee->database, "INSERT INTO olm_hash(hash, seen_ms) VALUES (?, ?)", "bi",
                              BYTES_OF(hash.bytes), e2ee_now(e2ee));
        return r < 0 ? r : receive_plain(e2ee, sender, sender_key, BYTES(plain.text, plain.size));
}
