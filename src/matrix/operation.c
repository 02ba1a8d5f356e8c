/* SPDX-License-Identifier: MIT */
/* Calls that wait for the homeserver. */

#include "matrix/operation.h"

#include <stdio.h>

#include "basic/utf8.h"
#include "bus/error.h"
#include "e2ee/json.h"

void matrix_operation_free(BusCall *call)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);

        if (operation->self->changing == operation)
                operation->self->changing = NULL;
        matrix_call_free(operation->request);
        matrix_server_done(&operation->server);
        matrix_login_done(&operation->login);
        secret_free(operation->secret);
        free(operation->user_id);
        bus_call_done(call);
        free(operation);
}

int matrix_operation_new(MatrixDaemon *self, sd_bus_message *message, Operation **ret_operation)
{
        Operation *operation = calloc(1, sizeof *operation);

        if (!operation)
                return -ENOMEM;
        int r = bus_call_init(&operation->call, &self->operations, message);
        if (r != 0) {
                free(operation);
                return r;
        }

        operation->self = self;
        operation->server = (MatrixServer){ .event = self->event, .http = self->http };
        *ret_operation = operation;
        return 0;
}

int matrix_operation_use_account(Operation *operation)
{
        MatrixDaemon *self = operation->self;

        if (!self->session)
                return DEVBOX_ERROR_MATRIX_LOGGED_OUT;
        int r = matrix_login_read(self->database, self->key, &operation->login);
        if (r >= 0)
                r = matrix_server_set_url(&operation->server, operation->login.server);
        operation->server.token = TAKE_PTR(operation->login.token);
        return r;
}

void matrix_operation_end(Operation *operation, int reason, const char *detail)
{
        if (reason != 0)
                bus_reply_error(operation->call.message, reason, detail && *detail != '\0' ? detail : NULL);
        else
                (void) sd_bus_reply_method_return(operation->call.message, "");
        matrix_operation_free(&operation->call);
}

/* "": the sentence of the reason is all there is to say. */
static const char *why_unreachable(int error)
{
        static const struct {
                int error;
                const char *sentence;
        } rows[] = {
                { -EKEYREJECTED,
                  "the certificate of the homeserver is not valid here; see: devbox-matrix(8)" },
                { -EHOSTUNREACH, "the name of the homeserver does not resolve, or no route leads there" },
                { -ETIMEDOUT, "the homeserver does not answer in time" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (error == rows[i].error)
                        return rows[i].sentence;
        return "";
}

/* A proxy in front of a homeserver answers without a code. */
int matrix_reply_reason(const MatrixReply *reply, char ret_detail[static REPLY_DETAIL_SIZE])
{
        const char *message = object_string(reply->body, "error");
        bool visible = message && strlen(message) < REPLY_DETAIL_SIZE && utf8_is_visible(message);

        (void) snprintf(ret_detail, REPLY_DETAIL_SIZE, "%s",
                        visible            ? message
                        : reply->error < 0 ? why_unreachable(reply->error)
                                           : matrix_reply_code(reply));
        if (reply->error == -ENOMEM)
                return -ENOMEM;
        return reply->error < 0 || reply->status / 100 == 5 || *matrix_reply_code(reply) == '\0'
                       ? DEVBOX_ERROR_MATRIX_UNREACHABLE
                       : DEVBOX_ERROR_MATRIX_REFUSED;
}
