/* SPDX-License-Identifier: MIT */
/* The user's own cross-signing identity. */

#include "e2ee/cross-signing.h"

#include "e2ee/account.h"
#include "e2ee/cross-signing-keys.h"
#include "e2ee/request.h"
#include "e2ee/signing.h"

#define SIGNATURES_RETRY_MS (60 * MS_PER_SECOND)

/* account.identity_state */
typedef enum IdentityState {
        IDENTITY_NONE,
        IDENTITY_MADE,     /* the seeds are in the store */
        IDENTITY_UPLOADED, /* the server has the public keys */
        IDENTITY_SIGNED,   /* and the signatures of our device and of the master key */
} IdentityState;

static int identity_state(E2ee *e2ee, IdentityState *ret_state)
{
        int64_t state = 0;

        int r = query_integer(e2ee->database, &state, "SELECT identity_state FROM account", "");
        *ret_state = (IdentityState) state;
        return r < 0 ? r : 0;
}

static int set_state(E2ee *e2ee, IdentityState state)
{
        return query_run(e2ee->database, "UPDATE account SET identity_state = ?", "i", (int64_t) state);
}

int e2ee_is_ready(E2ee *e2ee)
{
        return query_exists(e2ee->database, "SELECT 1 FROM account WHERE identity_state = ? AND fault = 0",
                            "i", (int64_t) IDENTITY_SIGNED);
}

static int add_upload(E2ee *e2ee)
{
        _cleanup_(key_pair_freep) KeyPair *master = NULL;
        _cleanup_(json_freep) cJSON *master_object = NULL, *self_signing = NULL, *user_signing = NULL;
        cJSON *body = NULL;

        int r = cross_signing_load_pair(e2ee, "master", &master);
        if (r <= 0)
                return r < 0 ? r : -EIO;
        r = cross_signing_key_object(e2ee, "master", NULL, &master_object);
        if (r == 0)
                r = cross_signing_key_object(e2ee, "self_signing", master, &self_signing);
        if (r == 0)
                r = cross_signing_key_object(e2ee, "user_signing", master, &user_signing);
        if (r == 0)
                r = json_pack(&body, "{master_key:c,self_signing_key:c,user_signing_key:c}", master_object,
                              self_signing, user_signing);
        return r < 0 ? r
                     : request_add(e2ee, &(NewRequest){ E2EE_SIGNING_KEYS_UPLOAD, NULL, body, NULL }, NULL);
}

/* The device signed by the self-signing key, and the master key by the device. */
static int add_signatures(E2ee *e2ee)
{
        _cleanup_(ratchet_account_freep) RatchetAccount *account = NULL;
        _cleanup_(json_freep) cJSON *device_keys = NULL, *master_object = NULL;
        _cleanup_(freep) char *master = NULL;
        cJSON *body = NULL;

        int r = cross_signing_master(e2ee, &master);
        if (r <= 0)
                return r < 0 ? r : -EIO;
        r = account_load(e2ee, &account);
        if (r == 0)
                r = account_device_keys(e2ee, &device_keys);
        if (r == 0)
                r = cross_signing_key_object(e2ee, "master", NULL, &master_object);
        if (r == 0)
                r = json_sign_by_account(master_object, e2ee->user_id, e2ee->device_id, account);
        if (r == 0)
                r = json_pack(&body, "{*:{*:c,*:c}}", e2ee->user_id, e2ee->device_id, device_keys, master,
                              master_object);
        return r < 0 ? r
                     : request_add(e2ee, &(NewRequest){ E2EE_SIGNATURES_UPLOAD, NULL, body, NULL }, NULL);
}

/* Only a server that was asked, and answered that there is no identity, gets one. */
static int begin_identity(E2ee *e2ee)
{
        int r = query_exists(e2ee->database, "SELECT 1 FROM identity WHERE user_id = ? AND master NOT NULL",
                             "t", e2ee->user_id);
        if (r != 0)
                return r < 0 ? r : fault_set(e2ee, E2EE_FAULT_FOREIGN_IDENTITY);

        r = cross_signing_make_pairs(e2ee);
        return r < 0 ? r : set_state(e2ee, IDENTITY_MADE);
}

int cross_signing_plan(E2ee *e2ee)
{
        static const struct {
                E2eeRequestKind kind;
                int (*add)(E2ee *e2ee);
        } steps[] = {
                [IDENTITY_MADE] = { E2EE_SIGNING_KEYS_UPLOAD, add_upload },
                [IDENTITY_UPLOADED] = { E2EE_SIGNATURES_UPLOAD, add_signatures },
        };
        IdentityState state;

        int r = query_exists(e2ee->database,
                             "SELECT 1 FROM account JOIN identity USING (user_id) "
                             "WHERE uploaded AND fault = 0 AND dirty = 0",
                             "");
        if (r <= 0)
                return r;
        r = identity_state(e2ee, &state);
        if (r == 0 && state == IDENTITY_NONE) {
                r = begin_identity(e2ee);
                if (r == 0)
                        r = identity_state(e2ee, &state);
        }
        if (r < 0 || state == IDENTITY_NONE || state == IDENTITY_SIGNED)
                return r;

        r = request_is_pending(e2ee, steps[state].kind);
        return r != 0 ? MIN(r, 0) : steps[state].add(e2ee);
}

/* The answer to a request that is under way is ignored. */
static int forget_identity(E2ee *e2ee)
{
        free(TAKE_PTR(e2ee->device_keys));
        int r = query_run(e2ee->database, "DELETE FROM cross_signing", "");
        if (r == 0)
                r = query_run(e2ee->database, "DELETE FROM e2ee_request WHERE kind IN (?, ?)", "ii",
                              (int64_t) E2EE_SIGNING_KEYS_UPLOAD, (int64_t) E2EE_SIGNATURES_UPLOAD);
        return r < 0 ? r : query_run(e2ee->database, "UPDATE account SET fault = 0", "");
}

int e2ee_reset_identity(E2ee *e2ee)
{
        int r = query_exists(e2ee->database, "SELECT 1 FROM account WHERE fault IN (?, ?, ?)", "iii",
                             (int64_t) E2EE_FAULT_FOREIGN_IDENTITY, (int64_t) E2EE_FAULT_IDENTITY_REPLACED,
                             (int64_t) E2EE_FAULT_IDENTITY_REFUSED);
        if (r <= 0)
                return r;
        r = forget_identity(e2ee);
        if (r == 0)
                r = cross_signing_make_pairs(e2ee);
        if (r == 0)
                r = set_state(e2ee, IDENTITY_MADE);
        if (r == 0)
                r = e2ee_plan(e2ee);
        return r < 0 ? r : 1;
}

int cross_signing_on_uploaded(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return set_state(e2ee, IDENTITY_UPLOADED);
}

/* Some servers want the user to confirm it: the caller did what it could. */
int cross_signing_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return fault_set(e2ee, E2EE_FAULT_IDENTITY_REFUSED);
}

/* Again, after the next look at our own list. */
int cross_signing_on_unsigned(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        return query_run(e2ee->database, "UPDATE identity SET dirty = 1, retry_ms = ? WHERE user_id = ?",
                         "it", e2ee_now(e2ee) + SIGNATURES_RETRY_MS, e2ee->user_id);
}

/* The answer is 200 even where a signature was not taken. */
int cross_signing_on_signed(E2ee *e2ee, const cJSON *context, const cJSON *response)
{
        if (object_object(object_object(response, "failures"), e2ee->user_id))
                return cross_signing_on_unsigned(e2ee, context, response);
        return query_run(e2ee->database, "UPDATE account SET identity_state = ?1 WHERE identity_state = ?2",
                         "ii", (int64_t) IDENTITY_SIGNED, (int64_t) IDENTITY_UPLOADED);
}

int cross_signing_check(E2ee *e2ee)
{
        _cleanup_(freep) char *ours = NULL;
        IdentityState state;

        int r = identity_state(e2ee, &state);
        if (r < 0 || state < IDENTITY_UPLOADED)
                return r;
        r = cross_signing_master(e2ee, &ours);
        if (r <= 0)
                return r < 0 ? r : -EIO;
        r = query_exists(e2ee->database, "SELECT 1 FROM identity WHERE user_id = ? AND master = ?", "tt",
                         e2ee->user_id, ours);
        if (r <= 0)
                return r < 0 ? r : fault_set(e2ee, E2EE_FAULT_IDENTITY_REPLACED);

        r = query_exists(e2ee->database,
                         "SELECT 1 FROM device WHERE user_id = ? AND device_id = ? AND signed", "tt",
                         e2ee->user_id, e2ee->device_id);
        return r != 0 || state != IDENTITY_SIGNED ? MIN(r, 0) : set_state(e2ee, IDENTITY_UPLOADED);
}

int cross_signing_sign_user(E2ee *e2ee, const char *user_id)
{
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(freep) char *text = NULL, *master = NULL;
        _cleanup_(json_freep) cJSON *object = NULL;
        cJSON *body = NULL;

        int r = query_text(e2ee->database, &master, "SELECT master FROM identity WHERE user_id = ?", "t",
                           user_id);
        if (r > 0)
                r = query_text(e2ee->database, &text, "SELECT master_json FROM identity WHERE user_id = ?",
                               "t", user_id);
        if (r > 0)
                r = cross_signing_load_pair(e2ee, "user_signing", &pair);
        if (r <= 0)
                return r;

        r = pickle_error(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &object));
        if (r == 0)
                r = json_sign_by_pair(object, e2ee->user_id, pair);
        if (r == 0)
                r = json_pack(&body, "{*:{*:c}}", user_id, master, object);
        return r < 0 ? r
                     : request_add(e2ee, &(NewRequest){ E2EE_SIGNATURES_UPLOAD, NULL, body, NULL }, NULL);
}
