/* SPDX-License-Identifier: MIT */
/* The methods of org.devbox.Dispatch1, which dbus/org.devbox.Dispatch1.xml documents. */

#include "dispatch/daemon-internal.h"

/* Every caller that the bus policy allows. */
#define ACCESS_ANYONE ((BusAccess){ .anyone = true })

static int continue_get_keys(sd_bus_message *message, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const DispatchDaemon *self = userdata;
        const KeyPair *pairs[] = { self->keys.dispatcher, self->keys.attester };

        int r = sd_bus_message_new_method_return(message, &reply);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(pairs); i++)
                r = sd_bus_message_append_array(reply, 'y', key_pair_public(pairs[i])->bytes,
                                                PUBLIC_KEY_SIZE);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);

        return MIN(r, 0);
}

static int on_get_keys(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return bus_authorise(((DispatchDaemon *) userdata)->authority, message, &ACCESS_ANYONE,
                             continue_get_keys, userdata);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetKeys", SD_BUS_NO_ARGS, SD_BUS_RESULT("ay", dispatcher, "ay", attester),
                                on_get_keys, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int dispatch_daemon_add_interface(DispatchDaemon *self, sd_bus *bus, const char *path,
                                  sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(bus, ret_slot, path, "org.devbox.Dispatch1", vtable, self);
}
