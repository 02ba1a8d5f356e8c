/* SPDX-License-Identifier: MIT */
/* Logging in. */

#include "matrix/auth.h"

#include "basic/time.h"
#include "e2ee/json.h"
#include "matrix/session-internal.h"

#define AUTH_USEC (20 * USEC_PER_SEC)

/* Of the time that a token lives, the part after which the next one is due. */
#define REFRESH_AFTER_PERCENT 80
#define LIFETIME_MIN_MS       (10 * 1000)
#define LIFETIME_MAX_MS       (INT64_C(365) * 24 * 3600 * 1000)

static int body_of_login(const AuthCredentials *credentials, char **ret_body)
{
        const MatrixLogin *login = credentials->login;
        _cleanup_(json_freep) cJSON *body = NULL;
        _cleanup_(secret_text_freep) char *text = NULL;

        int r = credentials->password ? secret_copy_text(credentials->password, &text) : 0;
        if (r == 0)
                r = json_pack(&body,
                              "{type:s,identifier:{type:s,user:s},password:s,device_id:s,"
                              "initial_device_display_name:s,refresh_token:b}",
                              text ? "m.login.password" : "m.login.application_service", "m.id.user",
                              login->user_id, text, login->device_id, "devbox", true);
        return r < 0 ? r : canonical_json(body, false, ret_body);
}

int auth_login_start(MatrixServer *server, const AuthCredentials *credentials, MatrixReplyHandler on_reply,
                     void *userdata, MatrixCall **ret_call)
{
        _cleanup_(secret_text_freep) char *body = NULL;

        int r = body_of_login(credentials, &body);
        if (r == 0)
                r = matrix_call_start(server,
                                      &(MatrixRequest){ .method = "POST",
                                                        .target = API "/login",
                                                        .body = body,
                                                        .timeout_usec = AUTH_USEC,
                                                        .once = true },
                                      on_reply, userdata, ret_call);
        return r;
}

int auth_refresh_start(MatrixServer *server, const Secret *refresh_token, MatrixReplyHandler on_reply,
                       void *userdata, MatrixCall **ret_call)
{
        _cleanup_(json_freep) cJSON *tree = NULL;
        _cleanup_(secret_text_freep) char *text = NULL, *body = NULL;

        int r = secret_copy_text(refresh_token, &text);
        if (r == 0)
                r = json_pack(&tree, "{refresh_token:s}", text);
        if (r == 0)
                r = canonical_json(tree, false, &body);
        if (r == 0)
                r = matrix_call_start(server,
                                      &(MatrixRequest){ .method = "POST",
                                                        .target = API "/refresh",
                                                        .body = body,
                                                        .timeout_usec = AUTH_USEC,
                                                        .anonymous = true },
                                      on_reply, userdata, ret_call);
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

static int read_tokens(const MatrixReply *reply, MatrixTokens *ret_tokens)
{
        const char *access = object_string(reply->body, "access_token");
        const char *refresh = object_string(reply->body, "refresh_token");
        int64_t lifetime_ms = 0;

        if (!access || *access == '\0')
                return -EPROTO;
        MatrixTokens tokens = { .access = bytes_of_string(access) };
        if (refresh)
                tokens.refresh = bytes_of_string(refresh);
        if (object_integer(reply->body, "expires_in_ms", 0, LIFETIME_MAX_MS, &lifetime_ms))
                tokens.refresh_ms = (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC) +
                                    MAX(lifetime_ms, LIFETIME_MIN_MS) * REFRESH_AFTER_PERCENT / 100;
        *ret_tokens = tokens;
        return 0;
}

int auth_login_tokens(const MatrixLogin *login, const MatrixReply *reply, MatrixTokens *ret_tokens)
{
        int r = check_reply(reply);
        if (r < 0)
                return r;
        if (object_string(reply->body, "access_token") &&
            (!object_has(reply->body, "user_id", login->user_id) ||
             !object_has(reply->body, "device_id", login->device_id)))
                return -EXDEV;
        return read_tokens(reply, ret_tokens);
}

int auth_refresh_tokens(const Secret *refresh_token, const MatrixReply *reply, MatrixTokens *ret_tokens)
{
        MatrixTokens tokens = { .refresh_ms = 0 };

        if (!matrix_reply_is_success(reply))
                return -EACCES;
        int r = read_tokens(reply, &tokens);
        if (r < 0)
                return r;
        if (tokens.refresh.size == 0)
                tokens.refresh = secret_bytes(refresh_token);
        *ret_tokens = tokens;
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
