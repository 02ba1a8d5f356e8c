/* SPDX-License-Identifier: MIT */
/* GetKeys, and the vtable of org.devbox.Dispatch1: sd-bus takes one for an interface, so it is joined here
 * from the rows of the files that implement them. */

#include "dispatch/method.h"

static int handle_get_keys(sd_bus_message *message, void *userdata)
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

DISPATCH_METHOD(get_keys, ACCESS_READERS);

static const sd_bus_vtable key_methods[] = {
        SD_BUS_METHOD_WITH_ARGS("GetKeys", SD_BUS_NO_ARGS, SD_BUS_RESULT("ay", dispatcher, "ay", attester),
                                on_get_keys, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable *const parts[] = { key_methods,
                                              dispatch_request_methods,
                                              dispatch_device_methods,
                                              dispatch_container_methods,
                                              dispatch_replay_methods,
                                              dispatch_cancel_methods };

int dispatch_daemon_add_interface(DispatchDaemon *self, sd_bus *bus, const char *path,
                                  sd_bus_slot **ret_slot)
{
        size_t n = 0;

        self->vtable[n++] = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                for (const sd_bus_vtable *row = parts[i]; row->type != _SD_BUS_VTABLE_END; row++) {
                        assert(n < DISPATCH_VTABLE_MAX - 1);
                        self->vtable[n++] = *row;
                }
        self->vtable[n] = (sd_bus_vtable) SD_BUS_VTABLE_END;

        return sd_bus_add_object_vtable(bus, ret_slot, path, DISPATCH_INTERFACE, self->vtable, self);
}
