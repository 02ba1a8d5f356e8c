/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

/* One member "ay" of an a{sv} that is open. */
static inline int fake_append_bytes(sd_bus_message *reply, const char *key, const void *bytes, size_t size)
{
        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', bytes, size);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
