/* SPDX-License-Identifier: MIT */
/* Logging in. */

#include "matrix/auth.h"

#include "e2ee/json.h"
#include "matrix/session-internal.h"

#define AUTH_USEC (20 * USEC_PER_SEC)

static int body_of_login(const MatrixLogin *login, const Secret *password, char **ret_body)
{
        _cleanup_(json_freep) cJSON *body = NULL;
        Bytes bytes = secret_bytes(password);

        char *text = strndup((const char *) bytes.data, bytes.size);
        if (!text)
                return -ENOMEM;
        int r = json_pack(&body,
                          "{type:s,identifier:{type:s,user:s},password:s,device_id:s,"
                          "initial_device_display_name:s}",
                          "m.login.password", "m.id.user", login->user_id, text, login->device_id, "devbox");
        explicit_bzero(text, strlen(text));
        free(text);
        return r < 0 ? r : canonical_json(body, false, ret_body);
}

int auth_login_start(MatrixServer *server, const AuthCredentials *credentials, MatrixReplyHandler on_reply,
                     void *userdata, MatrixCall **ret_call)
{
        char *body = NULL;

        int r = body_of_login(credentials->login, credentials->password, &body);
        if (r < 0)
                return r;
        r = matrix_call_start(server,
                              &(MatrixRequest){ .method = "POST",
                                                .target = API "/login",
                                                .body = body,
                                                .timeout_usec = AUTH_USEC,
                                                .once = true },
                              on_reply, userdata, ret_call);
        explicit_bzero(body, strlen(body));
        free(body);
        return r;
}

/* Errors: what keeps an answer from being the one that was asked for. */
static int check_reply(const MatrixReply *reply)
{
        if (reply->error < 0)
                return reply->error;
        if (reply->status == 401 || reply->status == 403)
                return -EACCES;
        return matrix_reply_is_success(reply) ? 0 : -EPROTO;
}

int auth_login_token(const MatrixLogin *login, const MatrixReply *reply, const char **ret_token)
{
        const char *token = object_string(reply->body, "access_token");

        int r = check_reply(reply);
        if (r < 0)
                return r;
        if (!token)
                return -EPROTO;
        if (!object_has(reply->body, "user_id", login->user_id) ||
            !object_has(reply->body, "device_id", login->device_id))
                return -EXDEV;

        *ret_token = token;
        return 0;
}

int auth_whoami_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata,
                      MatrixCall **ret_call)
{
        static const MatrixRequest request = {
                .method = "GET", .target = API "/account/whoami", .timeout_usec = AUTH_USEC, .once = true
        };

        return matrix_call_start(server, &request, on_reply, userdata, ret_call);
}

int auth_whoami_device(const MatrixLogin *login, const MatrixReply *reply, const char **ret_device_id)
{
        const char *device_id = object_string(reply->body, "device_id");

        int r = check_reply(reply);
        if (r < 0)
                return r;
        if (!object_has(reply->body, "user_id", login->user_id) || !device_id)
                return -EXDEV;

        *ret_device_id = device_id;
        return 0;
}

int auth_logout_start(MatrixServer *server, MatrixReplyHandler on_reply, void *userdata,
                      MatrixCall **ret_call)
{
        static const MatrixRequest request = { .method = "POST",
                                               .target = API "/logout",
                                               .body = "{}",
                                               .timeout_usec = AUTH_USEC,
                                               .once = true };

        return matrix_call_start(server, &request, on_reply, userdata, ret_call);
}
