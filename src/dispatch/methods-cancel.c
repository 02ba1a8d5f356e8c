/* SPDX-License-Identifier: MIT */
/* Cancel and CancelFor of org.devbox.Dispatch1. */

#include "dispatch/method.h"
#include "dispatch/operation.h"
#include "proto/id.h"

static int handle_cancel(sd_bus_message *message, void *userdata)
{
        const char *id;

        if (sd_bus_message_read(message, "s", &id) < 0)
                return -EBADMSG;

        int r = queue_cancel(((DispatchDaemon *) userdata)->queue, id);
        return r != 0 ? r : MIN(sd_bus_reply_method_return(message, ""), 0);
}

static int read_cancel_for(sd_bus_message *message, const char **ret_id, const char **ret_principal)
{
        return sd_bus_message_read(message, "ss", ret_id, ret_principal) < 0 ||
                               !principal_is_matrix(*ret_principal)
                       ? -EBADMSG
                       : 0;
}

static int cancel_for(const Operation *operation, const Manifest *manifest)
{
        const char *id, *principal;

        if (!manifest_find_operator(manifest, operation->principal) &&
            !manifest_find_approver(manifest, operation->principal))
                return DEVBOX_ERROR_OPERATOR_UNKNOWN;

        int r = sd_bus_message_rewind(operation->call.message, true);
        if (r >= 0)
                r = read_cancel_for(operation->call.message, &id, &principal);
        return r < 0 ? r : queue_cancel(operation->self->queue, id);
}

static void on_cancel_facts(FactsQuery *query, DeviceFacts *facts, int reason)
{
        Operation *operation = CONTAINER_OF(query, Operation, query);
        int r = facts ? cancel_for(operation, facts->manifest) : reason;

        operation_end(operation, facts, r, NULL, NULL);
}

static int handle_cancel_for(sd_bus_message *message, void *userdata)
{
        DispatchDaemon *self = userdata;
        _cleanup_(stored_request_done) StoredRequest request = { .n_approvals = 0 };
        const char *id, *claimed;
        char principal[PRINCIPAL_SIZE];

        int r = read_cancel_for(message, &id, &claimed);
        if (r == 0)
                r = operation_resolve_principal(self, message, claimed, principal, sizeof principal);
        if (r == 0)
                r = dispatch_store_find(queue_store(self->queue), id, &request);
        if (r != 0)
                return r;
        if (!streq(request.principal, principal))
                return operation_start(self, message, principal, request.device, on_cancel_facts);

        r = queue_cancel(self->queue, id);
        return r != 0 ? r : MIN(sd_bus_reply_method_return(message, ""), 0);
}

DISPATCH_METHOD(cancel, ACCESS_SUBMIT);
DISPATCH_METHOD(cancel_for, ACCESS_SUBMIT);

const sd_bus_vtable dispatch_cancel_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("s", id), SD_BUS_NO_RESULT, on_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("CancelFor", SD_BUS_ARGS("s", id, "s", principal), SD_BUS_NO_RESULT,
                                on_cancel_for, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
