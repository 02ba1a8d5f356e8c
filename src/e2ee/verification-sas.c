/* SPDX-License-Identifier: MIT */
/* What the two sides of a verification compare: the short string, and MACs over their long-term keys. */

#include "basic/text.h"
#include "e2ee/cross-signing-keys.h"
#include "e2ee/signing.h"
#include "e2ee/verification-internal.h"

int verification_agree(E2ee *e2ee, const Verification *verification, Secret **ret_shared)
{
        return sas_agree(verification->secret, verification->their_key, ret_shared);
}

int e2ee_verification_sas(E2ee *e2ee, const Verification *verification, uint8_t ret_sas[static SAS_SIZE])
{
        _cleanup_(secret_freep) Secret *shared = NULL;
        _cleanup_(text_done) Text info = TEXT_NULL;
        _cleanup_(freep) char *info_text = NULL;

        if (verification->state != VERIFICATION_COMPARING && verification->state != VERIFICATION_CONFIRMED)
                return -EINVAL;
        int r = verification_agree(e2ee, verification, &shared);
        if (r < 0)
                return r;

        const char *sides[2][3] = {
                { e2ee->user_id, e2ee->device_id, verification->our_key },
                { verification->user_id, verification->device_id, verification->their_key },
        };
        text_append(&info, "MATRIX_KEY_VERIFICATION_SAS|");
        for (size_t i = 0; i < 2; i++) {
                const char **side = sides[verification->we_started ? i : 1 - i];

                text_appendf(&info, "%s|%s|%s|", side[0], side[1], side[2]);
        }
        text_append(&info, verification->txn_id);
        r = text_take(&info, &info_text, NULL);
        if (r < 0)
                return r;

        sas_bytes(shared, info_text, ret_sas);
        return 0;
}

/* ---- MACs */

/* Who made the MACs, and who reads them. */
typedef struct MacDirection {
        const char *from_user, *from_device, *to_user, *to_device, *txn_id;
} MacDirection;

static int mac_of(const Secret *shared, const MacDirection *direction, const char *key_id, const char *text,
                  char ret_mac[static CURVE25519_TEXT_SIZE])
{
        _cleanup_(text_done) Text info = TEXT_NULL;
        _cleanup_(freep) char *info_text = NULL;

        text_appendf(&info, "MATRIX_KEY_VERIFICATION_MAC%s%s%s%s%s%s", direction->from_user,
                     direction->from_device, direction->to_user, direction->to_device, direction->txn_id,
                     key_id);
        int r = text_take(&info, &info_text, NULL);
        if (r < 0)
                return r;

        sas_mac(shared, text, info_text, ret_mac);
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The sorted ids of the keys in a `mac` object, with commas between. */
static int key_list(const cJSON *macs, char **ret_list)
{
        const char *ids[16];
        size_t n_ids = 0;
        const cJSON *mac;
        _cleanup_(text_done) Text list = TEXT_NULL;

        cJSON_ArrayForEach(mac, macs) {
                if (n_ids == ELEMENTSOF(ids))
                        return -EBADMSG;
                ids[n_ids++] = mac->string;
        }
        qsort(ids, n_ids, sizeof *ids, compare_ids);
        for (size_t i = 0; i < n_ids; i++)
                text_appendf(&list, "%s%s", i > 0 ? "," : "", ids[i]);
        return text_take(&list, ret_list, NULL);
}

static int put_mac(const Secret *shared, const MacDirection *direction, const char *id, const char *key,
                   cJSON *macs)
{
        char key_id[KEY_ID_SIZE], mac[CURVE25519_TEXT_SIZE];

        int r = key_id_format("ed25519", id, key_id);
        if (r == 0)
                r = mac_of(shared, direction, key_id, key, mac);
        return r < 0 ? r : object_put_string(macs, key_id, mac);
}

int verification_mac(E2ee *e2ee, const Verification *verification, cJSON **ret_content)
{
        _cleanup_(secret_freep) Secret *shared = NULL;
        _cleanup_(json_freep) cJSON *macs = cJSON_CreateObject();
        _cleanup_(freep) char *master = NULL, *list = NULL;
        MacDirection direction = { e2ee->user_id, e2ee->device_id, verification->user_id,
                                   verification->device_id, verification->txn_id };
        char list_mac[CURVE25519_TEXT_SIZE];

        if (!macs)
                return -ENOMEM;
        int r = verification_agree(e2ee, verification, &shared);
        if (r == 0)
                r = put_mac(shared, &direction, e2ee->device_id, e2ee->ed25519, macs);
        if (r == 0)
                r = cross_signing_master(e2ee, &master);
        if (r > 0)
                r = put_mac(shared, &direction, master, master, macs);
        if (r == 0)
                r = key_list(macs, &list);
        if (r == 0)
                r = mac_of(shared, &direction, "KEY_IDS", list, list_mac);
        return r < 0 ? r : json_pack(ret_content, "{mac:o,keys:s}", TAKE_PTR(macs), list_mac);
}

/* The key that their id names, as our store has it: 1: there is one. */
static int known_key(E2ee *e2ee, const Verification *verification, const char *id, char **ret_key)
{
        if (streq(id, verification->device_id))
                return query_text(e2ee->database, ret_key,
                                  "SELECT ed25519 FROM device WHERE user_id = ? AND device_id = ? "
                                  "AND NOT deleted",
                                  "tt", verification->user_id, id);
        return query_text(e2ee->database, ret_key,
                          "SELECT master FROM identity WHERE user_id = ? AND master = ?", "tt",
                          verification->user_id, id);
}

int verification_check_mac(E2ee *e2ee, const Verification *verification, const cJSON *content,
                           bool *ret_master)
{
        const cJSON *macs = object_object(content, "mac"), *their;
        _cleanup_(secret_freep) Secret *shared = NULL;
        _cleanup_(freep) char *list = NULL;
        MacDirection direction = { verification->user_id, verification->device_id, e2ee->user_id,
                                   e2ee->device_id, verification->txn_id };
        char mac[CURVE25519_TEXT_SIZE];
        bool device = false, master = false;

        int r = macs ? verification_agree(e2ee, verification, &shared) : -EBADMSG;
        if (r == 0)
                r = key_list(macs, &list);
        if (r == 0)
                r = mac_of(shared, &direction, "KEY_IDS", list, mac);
        if (r < 0)
                return r;
        if (!object_has(content, "keys", mac))
                return -EBADMSG;

        cJSON_ArrayForEach(their, macs) {
                _cleanup_(freep) char *key = NULL;
                const char *id = startswith(their->string, "ed25519:") ? their->string + 8 : "";

                r = known_key(e2ee, verification, id, &key);
                if (r > 0)
                        r = mac_of(shared, &direction, their->string, key, mac);
                else if (r == 0)
                        continue; /* a key we do not know is not verified by this */
                if (r < 0)
                        return r;
                if (!cJSON_IsString(their) || !streq(their->valuestring, mac))
                        return -EBADMSG;
                device |= streq(id, verification->device_id);
                master |= !streq(id, verification->device_id);
        }

        *ret_master = master;
        return device ? 0 : -EBADMSG;
}
