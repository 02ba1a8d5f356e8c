/* SPDX-License-Identifier: MIT */
/* Calls that wait for the facts of a device. */

#include "dispatch/operation.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "bus/error.h"

void dispatch_operation_free(BusCall *call)
{
        Operation *operation = CONTAINER_OF(call, Operation, call);

        facts_query_cancel(&operation->query);
        bus_call_done(call);
        free(operation);
}

void operation_end(Operation *operation, DeviceFacts *facts, int r, const char *id, const char *detail)
{
        sd_bus_message *message = operation->call.message;

        if (facts)
                device_facts_done(facts);
        if (r != 0)
                bus_reply_error(message, r == -EBADMSG ? DEVBOX_ERROR_BAD_REQUEST : r, detail);
        else
                (void) sd_bus_reply_method_return(message, id ? "s" : "", id);
        dispatch_operation_free(&operation->call);
}

/* ---- who asks */

/* What a chat or the dashboard may say about who asked; everyone else is a user of this machine. The
 * daemon's own user could sign anything anyway. */
int operation_resolve_principal(const DispatchDaemon *self, sd_bus_message *message, const char *claimed,
                                char *ret_principal, size_t size)
{
        struct passwd *user = NULL;
        uid_t uid;

        int r = bus_authority_caller(self->authority, message, &uid);
        if (r < 0)
                return DEVBOX_ERROR_BUSY;
        bool is_chat = uid == self->uids[DISPATCH_USER_MATRIX] || uid == getuid();
        if (claimed && is_chat && principal_is_matrix(claimed)) {
                (void) snprintf(ret_principal, size, "%s", claimed);
                return 0;
        }
        if (claimed)
                return DEVBOX_ERROR_ACCESS_DENIED;
        if (uid == self->uids[DISPATCH_USER_API]) {
                (void) snprintf(ret_principal, size, "dashboard");
                return 0;
        }

        user = getpwuid(uid);
        (void) snprintf(ret_principal, size, "local:%s", user ? user->pw_name : "unknown");
        return principal_valid(ret_principal) ? 0 : DEVBOX_ERROR_OPERATOR_UNKNOWN;
}

int operation_start(DispatchDaemon *self, sd_bus_message *message, const char *principal, const char *device,
                    FactsHandler on_facts)
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
        (void) snprintf(operation->device, sizeof operation->device, "%s", device);
        (void) snprintf(operation->principal, sizeof operation->principal, "%s", principal);
        facts_query_start(&operation->query, &self->mesh, operation->device, on_facts);
        return 0;
}
