/* SPDX-License-Identifier: MIT */
/* Calls of org.devbox.Dispatch1. */

#include "ctl/hub/dispatch-client.h"

#include "bus/dictionary.h"
#include "ctl/client.h"

static const ClientDaemon dispatch = {
        .title = "devbox-dispatch",
        .name = "org.devbox.Dispatch1",
        .path = "/org/devbox/Dispatch1",
        .unavailable = DEVBOX_ERROR_DISPATCH_UNAVAILABLE,
        .timeout = DEVBOX_ERROR_BUSY,
};

int dispatch_client_get_keys(sd_bus *bus, DispatchKeys *ret_keys, char **ret_problem)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        DispatchKeys keys;

        int r = client_new_call(bus, &dispatch, "GetKeys", &call);
        r = client_send(&dispatch, r, call, &reply, ret_problem);
        if (r != 0)
                return r;

        r = bus_array_read(reply, keys.dispatcher.bytes, PUBLIC_KEY_SIZE);
        if (r >= 0)
                r = bus_array_read(reply, keys.attester.bytes, PUBLIC_KEY_SIZE);
        if (r >= 0)
                *ret_keys = keys;
        return client_read(&dispatch, r, ret_problem);
}
