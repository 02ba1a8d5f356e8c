/* SPDX-License-Identifier: MIT */
#pragma once

/* A person's decision about a request, as devbox-dispatch takes it. */

#include "bus/client.h"

typedef struct DecisionCall {
        const char *id; /* of the request, or its end */
        const char *principal, *room, *message_id;
        const char *reaction_id; /* NULL: it was written */
} DecisionCall;

/* A call of Approve, Deny or Withdraw. NULL: it could not be made. */
sd_bus_message *decision_new_call(const BusClient *dispatch, const char *method,
                                  const DecisionCall *decision);
