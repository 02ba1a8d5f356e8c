/* SPDX-License-Identifier: MIT */
/* Signatures inside JSON objects. */

#include "e2ee/signing.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "e2ee/message-check.h"

int key_id_format(const char *algorithm, const char *id, char ret_key_id[static KEY_ID_SIZE])
{
        if (*id == '\0' || strlen(id) > 255)
                return -EBADMSG;

        (void) snprintf(ret_key_id, KEY_ID_SIZE, "%s:%s", algorithm, id);
        return 0;
}

static int put_signature(cJSON *object, const char *user_id, const char *id, const char *signature)
{
        char key_id[KEY_ID_SIZE];

        int r = key_id_format("ed25519", id, key_id);
        if (r < 0)
                return r;

        cJSON *signatures = object_enter(object, "signatures");
        cJSON *of_user = signatures ? object_enter(signatures, user_id) : NULL;
        return of_user ? object_put_string(of_user, key_id, signature) : -ENOMEM;
}

int json_sign_by_account(cJSON *object, const char *user_id, const char *device_id, RatchetAccount *account)
{
        _cleanup_(freep) char *text = NULL;
        char signature[SIGNATURE_TEXT_SIZE];

        int r = canonical_json(object, true, &text);
        if (r < 0)
                return r;
        r = ratchet_account_sign(account, bytes_of_string(text), signature);
        if (r < 0)
                return r;

        return put_signature(object, user_id, device_id, signature);
}

int json_sign_by_pair(cJSON *object, const char *user_id, const KeyPair *pair)
{
        char id[BASE64_SIZE(PUBLIC_KEY_SIZE)], signature_text[BASE64_SIZE(SIGNATURE_SIZE)];
        _cleanup_(freep) char *text = NULL;
        Signature signature;

        int r = canonical_json(object, true, &text);
        if (r < 0)
                return r;

        ed25519_sign(pair, bytes_of_string(text), &signature);
        base64_unpadded_format(BYTES_OF(signature.bytes), signature_text);
        base64_unpadded_format(BYTES_OF(key_pair_public(pair)->bytes), id);
        return put_signature(object, user_id, id, signature_text);
}

int json_verify(const cJSON *object, const char *user_id, const char *id, const char *ed25519)
{
        _cleanup_(freep) char *text = NULL;
        char key_id[KEY_ID_SIZE];
        Signature signature;
        PublicKey key;

        int r = key_id_format("ed25519", id ? id : ed25519, key_id);
        if (r < 0)
                return r;
        const char *wanted =
                object_string(object_object(object_object(object, "signatures"), user_id), key_id);
        if (!wanted)
                return -ENOKEY;

        r = ed25519_text_parse(ed25519, &key);
        if (r == 0)
                r = base64_decode_exact(wanted, signature.bytes, sizeof signature.bytes);
        if (r == 0)
                r = canonical_json(object, true, &text);
        if (r < 0)
                return r;

        return ed25519_verify(&key, bytes_of_string(text), &signature) ? 0 : -EBADMSG;
}
