/* SPDX-License-Identifier: MIT */
#pragma once

/* A call of org.devbox.Dispatch1 that waits for the facts of a device; one of `operations`. */

#include "dispatch/daemon-internal.h"

#define PRINCIPAL_SIZE 256

typedef struct Operation {
        BusCall call;
        DispatchDaemon *self;
        FactsQuery query;
        char device[DEVICE_NAME_SIZE];
        char principal[PRINCIPAL_SIZE]; /* who asks */
} Operation;

/* Begins one, whose reply is that of `on_facts`, which may be called before this returns. Errors: those of
 * bus_call_init(); -ENOMEM. */
int operation_start(DispatchDaemon *self, sd_bus_message *message, const char *principal, const char *device,
                    FactsHandler on_facts);

/* Replies with the id of a request, or without a value if that is NULL; or with the error `r` and perhaps
 * details. Frees the facts and the operation. */
void operation_end(Operation *operation, DeviceFacts *facts, int r, const char *id, const char *detail);

/* Who asks: what a chat or the dashboard may claim; everyone else is a user of this machine. Errors:
 * DEVBOX_ERROR_ACCESS_DENIED the caller may not claim it; OPERATOR_UNKNOWN; BUSY. */
int operation_resolve_principal(const DispatchDaemon *self, sd_bus_message *message, const char *claimed,
                                char *ret_principal, size_t size);
