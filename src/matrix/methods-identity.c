/* SPDX-License-Identifier: MIT */
/* GetIdentity and ResetIdentity of org.devbox.Matrix1. */

#include "bus/dictionary.h"
#include "e2ee/identity.h"
#include "e2ee/json.h"
#include "matrix/method.h"
#include "matrix/people.h"
#include "matrix/session-internal.h"
#include "proto/id.h"

#define QUERY_USEC (20 * USEC_PER_SEC)

typedef struct Identity {
        const char *user, *master_key;
        char fingerprint[64];
        const char *fingerprint_text;
        bool changed;
} Identity;

/* "ABCD EFGH …" */
static void format_fingerprint(const char *key, char *ret_text, size_t size)
{
        size_t n = 0;

        for (size_t i = 0; key[i] != '\0' && n + 2 < size; i++) {
                if (i > 0 && i % 4 == 0)
                        ret_text[n++] = ' ';
                ret_text[n++] = key[i];
        }
        ret_text[n] = '\0';
}

static int reply_identity(const Operation *operation, const char *master_key)
{
        static const BusField fields[] = {
                BUS_FIELD("user", BUS_TEXT, Identity, user),
                BUS_FIELD("master_key", BUS_TEXT, Identity, master_key),
                BUS_FIELD("fingerprint", BUS_TEXT, Identity, fingerprint_text),
                BUS_FIELD("changed", BUS_BOOL, Identity, changed),
        };
        static const BusDictionary dictionary = BUS_DICTIONARY(fields);
        Identity identity = { .user = operation->user_id, .master_key = master_key };

        format_fingerprint(master_key, identity.fingerprint, sizeof identity.fingerprint);
        identity.fingerprint_text = identity.fingerprint;
        int r = people_pins_another(operation->self->database, operation->user_id, master_key);
        if (r < 0)
                return r;
        identity.changed = r > 0;
        return MIN(bus_reply_dictionary(operation->call.message, &dictionary, &identity), 0);
}

static void on_keys(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Operation *operation = userdata;
        const char *user_id = operation->user_id, *master_key;
        char detail[REPLY_DETAIL_SIZE];

        if (!matrix_reply_is_success(reply)) {
                int reason = matrix_reply_reason(reply, detail);
                return matrix_operation_end(operation, reason, detail);
        }
        master_key = identity_key(object_object(object_object(reply->body, "master_keys"), user_id), user_id,
                                  "master");
        int r = master_key ? reply_identity(operation, master_key) : DEVBOX_ERROR_PERSON_UNKNOWN;
        if (r != 0)
                matrix_operation_end(operation, r, NULL);
        else
                matrix_operation_free(&operation->call);
}

static int query_keys(Operation *operation)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        _cleanup_(freep) char *text = NULL;

        int r = json_pack(&body, "{device_keys:{*:[]}}", operation->user_id);
        if (r == 0)
                r = canonical_json(body, false, &text);
        return r < 0 ? r
                     : matrix_call_start(&operation->server,
                                         &(MatrixRequest){ .method = "POST",
                                                           .target = API "/keys/query",
                                                           .body = text,
                                                           .timeout_usec = QUERY_USEC,
                                                           .once = true },
                                         on_keys, operation, &operation->request);
}

static int handle_get_identity(sd_bus_message *message, void *userdata)
{
        Operation *operation = NULL;
        const char *user_id;

        if (sd_bus_message_read(message, "s", &user_id) < 0 || !mxid_valid(user_id))
                return -EBADMSG;
        int r = matrix_operation_new(userdata, message, &operation);
        if (r != 0)
                return r;

        operation->user_id = strdup(user_id);
        r = operation->user_id ? matrix_operation_use_account(operation) : -ENOMEM;
        if (r == 0)
                r = query_keys(operation);
        if (r != 0)
                matrix_operation_free(&operation->call);
        return r;
}

/* The homeserver's answer shows in GetStatus. */
static int handle_reset_identity(sd_bus_message *message, void *userdata)
{
        _cleanup_(secret_freep) Secret *password = NULL;
        MatrixDaemon *self = userdata;
        const char *text;

        if (sd_bus_message_read(message, "s", &text) < 0)
                return -EBADMSG;
        if (!self->session || session_state(self->session) == SESSION_ENDED)
                return DEVBOX_ERROR_MATRIX_LOGGED_OUT;
        int r = *text != '\0' ? secret_new(text, strlen(text), &password) : 0;
        if (r < 0)
                return r;
        session_confirm_with_take(self->session, TAKE_PTR(password));
        r = session_reset_identity(self->session);
        return r < 0 ? r : sd_bus_reply_method_return(message, "");
}

MATRIX_METHOD(get_identity, ACCESS_READERS);
MATRIX_METHOD(reset_identity, ACCESS_MANAGE);

const sd_bus_vtable matrix_identity_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("GetIdentity", SD_BUS_ARGS("s", user), SD_BUS_RESULT("a{sv}", identity),
                                on_get_identity, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ResetIdentity", SD_BUS_ARGS("s", password), SD_BUS_NO_RESULT,
                                on_reset_identity, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_VTABLE_END,
};
