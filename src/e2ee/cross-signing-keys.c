/* SPDX-License-Identifier: MIT */
/* The keys of the user's own cross-signing identity. */

#include "e2ee/cross-signing-keys.h"

#include "codec/binary-text.h"
#include "crypto/secretbox.h"
#include "e2ee/signing.h"

#define KEY_TEXT_SIZE BASE64_SIZE(PUBLIC_KEY_SIZE)

int cross_signing_load_pair(E2ee *e2ee, const char *usage, KeyPair **ret_pair)
{
        _cleanup_(statement_resetp) Statement *rows = NULL;
        _cleanup_(secret_freep) Secret *seed = NULL;

        int r = query(e2ee->database, &rows, "SELECT seed FROM cross_signing WHERE usage = ?", "t", usage);
        if (r == 0)
                r = statement_step(rows);
        if (r <= 0)
                return r;
        r = pickle_error(secretbox_open(e2ee->pickle_key, statement_bytes(rows, 0), &seed));
        if (r == 0)
                r = key_pair_from_seed(seed, ret_pair);
        return r < 0 ? r : 1;
}

static int make_pair(E2ee *e2ee, const char *usage)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        uint8_t sealed[KEY_SEED_SIZE + SECRETBOX_OVERHEAD];
        char public[KEY_TEXT_SIZE];

        int r = key_pair_generate(&pair);
        if (r == 0)
                r = secretbox_seal(e2ee->pickle_key, secret_bytes(key_pair_seed(pair)), sealed);
        if (r < 0)
                return r;

        base64_unpadded_format(BYTES_OF(key_pair_public(pair)->bytes), public);
        return query_run(e2ee->database, "INSERT INTO cross_signing(usage, seed, public) VALUES (?, ?, ?)",
                         "tbt", usage, BYTES_OF(sealed), public);
}

int cross_signing_make_pairs(E2ee *e2ee)
{
        static const char *const usages[] = { "master", "self_signing", "user_signing" };

        for (size_t i = 0; i < ELEMENTSOF(usages); i++) {
                int r = make_pair(e2ee, usages[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int cross_signing_sign_device(E2ee *e2ee, cJSON *device_keys)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;

        int r = cross_signing_load_pair(e2ee, "self_signing", &pair);
        return r <= 0 ? r : json_sign_by_pair(device_keys, e2ee->user_id, pair);
}

int cross_signing_master(E2ee *e2ee, char **ret_master)
{
        return query_text(e2ee->database, ret_master,
                          "SELECT public FROM cross_signing WHERE usage = 'master'", "");
}

int cross_signing_key_object(E2ee *e2ee, const char *usage, const KeyPair *master, cJSON **ret_object)
{
        _cleanup_(freep) char *public = NULL;
        _cleanup_(json_freep) cJSON *object = NULL;
        char id[KEY_ID_SIZE];

        int r = query_text(e2ee->database, &public, "SELECT public FROM cross_signing WHERE usage = ?", "t",
                           usage);
        if (r <= 0)
                return r < 0 ? r : -EIO;
        r = key_id_format("ed25519", public, id);
        if (r == 0)
                r = json_pack(&object, "{user_id:s,usage:[s],keys:{*:s}}", e2ee->user_id, usage, id, public);
        if (r == 0 && master)
                r = json_sign_by_pair(object, e2ee->user_id, master);
        if (r < 0)
                return r;

        *ret_object = TAKE_PTR(object);
        return 0;
}
