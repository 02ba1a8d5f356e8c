/* SPDX-License-Identifier: MIT */
/* Login and Logout of org.devbox.Matrix1.
 *
 *         Login ── [discovery] ── device id committed ── login or whoami ── token committed ── session
 */

#include "log/log.h"
#include "matrix/auth.h"
#include "matrix/discovery.h"
#include "matrix/method.h"
#include "proto/id.h"

/* ---- Login */

static const char *const kinds[_LOGIN_KIND_MAX] = { "password", "token", "appservice" };

typedef struct LoginArguments {
        const char *server, *user_id, *secret;
        LoginKind kind;
} LoginArguments;

static int read_login(sd_bus_message *message, LoginArguments *ret_arguments)
{
        LoginArguments it = { .kind = LOGIN_PASSWORD };
        const char *kind;

        if (sd_bus_message_read(message, "ssss", &it.server, &it.user_id, &kind, &it.secret) < 0 ||
            !mxid_valid(it.user_id) || *it.secret == '\0')
                return -EBADMSG;
        while (it.kind < _LOGIN_KIND_MAX && !streq(kind, kinds[it.kind]))
                it.kind++;
        if (it.kind == _LOGIN_KIND_MAX)
                return -EBADMSG;

        *ret_arguments = it;
        return 0;
}

static void end_with_reply(Operation *operation, const MatrixReply *reply)
{
        char detail[REPLY_DETAIL_SIZE];
        int reason = matrix_reply_reason(reply, detail);

        matrix_operation_end(operation, reason, detail);
}

static int store_tokens(Operation *operation, const char *device_id, const MatrixTokens *tokens)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        MatrixDaemon *self = operation->self;

        int r = transaction_begin(self->database, &transaction);
        if (r == 0 && device_id)
                r = matrix_login_set_device(self->database, device_id);
        if (r == 0)
                r = matrix_login_set_tokens(self->database, self->key, tokens);
        return r < 0 ? r : transaction_commit(&transaction);
}

static void finish(Operation *operation, const char *device_id, const MatrixTokens *tokens)
{
        MatrixDaemon *self = operation->self;

        int r = store_tokens(operation, device_id, tokens);
        if (r == 0)
                r = matrix_account_start(self);
        if (r == 0 && operation->secret)
                session_confirm_with_take(self->session, TAKE_PTR(operation->secret));
        if (r < 0)
                (void) log_error_errno(r, "Cannot begin the session of the account");
        matrix_operation_end(operation, r == -EXDEV ? DEVBOX_ERROR_MATRIX_OTHER : MIN(r, 0), NULL);
        matrix_work(self);
}

static void on_login_reply(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Operation *operation = userdata;
        MatrixTokens tokens;

        if (auth_login_tokens(&operation->login, reply, &tokens) < 0)
                return end_with_reply(operation, reply);
        finish(operation, NULL, &tokens);
}

static void on_whoami(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Operation *operation = userdata;
        const char *device_id = NULL;

        if (auth_whoami_device(&operation->login, reply, &device_id) < 0)
                return end_with_reply(operation, reply);
        finish(operation, device_id, &(MatrixTokens){ .access = secret_bytes(operation->server.token) });
}

/* The device id is on the disk before the homeserver hears it. */
static int begin_login(Operation *operation)
{
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database = operation->self->database;

        int r = transaction_begin(database, &transaction);
        if (r == 0)
                r = matrix_login_begin(database, operation->server.url, operation->user_id);
        if (r == 0)
                r = transaction_commit(&transaction);
        if (r == 0)
                r = matrix_login_read(database, operation->self->key, &operation->login);
        return r == -EXDEV ? DEVBOX_ERROR_MATRIX_OTHER : MIN(r, 0);
}

/* The server's address is known. */
static int authenticate(Operation *operation)
{
        int r = begin_login(operation);
        if (r != 0)
                return r;
        operation->request = matrix_call_free(operation->request);
        if (operation->kind != LOGIN_PASSWORD)
                operation->server.token = TAKE_PTR(operation->secret);
        if (operation->kind == LOGIN_TOKEN)
                return auth_whoami_start(&operation->server, on_whoami, operation, &operation->request);
        return auth_login_start(&operation->server,
                                &(AuthCredentials){ &operation->login, operation->secret }, on_login_reply,
                                operation, &operation->request);
}

static void on_discovered(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Operation *operation = userdata;

        int r = discovery_take(&operation->server, reply);
        if (r == 0)
                r = authenticate(operation);
        if (r != 0)
                matrix_operation_end(operation, r, NULL);
}

static int start_login(Operation *operation, const LoginArguments *arguments)
{
        Bytes secret = bytes_of_string(arguments->secret);

        operation->kind = arguments->kind;
        operation->user_id = strdup(arguments->user_id);
        if (!operation->user_id)
                return -ENOMEM;
        int r = secret_new(secret.data, secret.size, &operation->secret);
        if (r < 0)
                return r;
        if (*arguments->server == '\0') {
                r = discovery_set_server(&operation->server, arguments->user_id);
                if (r == 0)
                        r = discovery_start(&operation->server, on_discovered, operation,
                                            &operation->request);
        } else {
                r = matrix_server_set_url(&operation->server, arguments->server);
                if (r == 0)
                        r = authenticate(operation);
        }
        return r == -EINVAL ? -EBADMSG : r;
}

/* One login or logout at a time. */
static int new_change(MatrixDaemon *self, sd_bus_message *message, Operation **ret_operation)
{
        if (self->changing)
                return DEVBOX_ERROR_BUSY;

        int r = matrix_operation_new(self, message, &self->changing);
        if (r == 0)
                *ret_operation = self->changing;
        return r;
}

static int handle_login(sd_bus_message *message, void *userdata)
{
        MatrixDaemon *self = userdata;
        Operation *operation = NULL;
        LoginArguments arguments;

        int r = read_login(message, &arguments);
        if (r < 0)
                return r;
        if (self->session && session_state(self->session) != SESSION_ENDED)
                return DEVBOX_ERROR_MATRIX_OTHER;
        r = new_change(self, message, &operation);
        if (r == 0)
                r = start_login(operation, &arguments);
        if (r != 0 && operation)
                matrix_operation_free(&operation->call);
        return r;
}

/* ---- Logout */

static void on_logged_out(MatrixCall *call, const MatrixReply *reply, void *userdata)
{
        Operation *operation = userdata;
        MatrixDaemon *self = operation->self;

        if (!matrix_reply_is_success(reply) && !streq(matrix_reply_code(reply), "M_UNKNOWN_TOKEN"))
                log_warning("The homeserver did not log the device out: remove it from the account's list");
        int r = matrix_account_forget(self);
        if (r < 0)
                (void) log_error_errno(r, "Cannot put an empty store in the place of matrix.db");
        matrix_operation_end(operation, r, NULL);
        matrix_work(self);
}

static int handle_logout(sd_bus_message *message, void *userdata)
{
        Operation *operation = NULL;

        int r = new_change(userdata, message, &operation);
        if (r == 0)
                r = matrix_operation_use_account(operation);
        if (r == 0)
                r = auth_logout_start(&operation->server, on_logged_out, operation, &operation->request);
        if (r != 0 && operation)
                matrix_operation_free(&operation->call);
        return r;
}

MATRIX_METHOD(login, ACCESS_MANAGE);
MATRIX_METHOD(logout, ACCESS_MANAGE);

const sd_bus_vtable matrix_account_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Login", SD_BUS_ARGS("s", server, "s", user, "s", kind, "s", secret),
                                SD_BUS_NO_RESULT, on_login,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Logout", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_logout,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
