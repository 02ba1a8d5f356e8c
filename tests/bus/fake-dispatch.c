/* SPDX-License-Identifier: MIT */
/* org.devbox.Dispatch1 of a hub as devboxctl sees it. */

#include "fake-dispatch.h"

#include <endian.h>
#include <sys/uio.h>

#include "basic/macro.h"

static const uint8_t dispatch_keys[2][32] = {
        { 0x81, 0x39, 0x77, 0x0e, 0xa8, 0x7d, 0x17, 0x5f, 0x56, 0xa3, 0x54, 0x66, 0xc3, 0x4c, 0x7e, 0xcc,
          0xcb, 0x8d, 0x8a, 0x91, 0xb4, 0xee, 0x37, 0xa2, 0x5d, 0xf6, 0x0f, 0x5b, 0x8f, 0xc9, 0xb3, 0x94 },
        { 0xed, 0x49, 0x28, 0xc6, 0x28, 0xd1, 0xc2, 0xc6, 0xea, 0xe9, 0x03, 0x38, 0x90, 0x59, 0x95, 0x61,
          0x29, 0x59, 0x27, 0x3a, 0x5c, 0x63, 0xf9, 0x36, 0x36, 0xc1, 0x46, 0x14, 0xac, 0x87, 0x37, 0xd1 }
};

static int on_get_keys(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_append_array(reply, 'y', dispatch_keys[i], sizeof dispatch_keys[i]);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "aa{sv}", 2, 4, "name", "s", "home-wsl", "state", "s",
                                          "active", "presence", "s", "online", "manifest_version", "t",
                                          UINT64_C(1), 3, "name", "s", "away", "state", "s", "active",
                                          "presence", "s", "offline");
}

static int send_frame(int fd, char type, const char *payload)
{
        uint32_t size = htobe32((uint32_t) strlen(payload));
        const struct iovec parts[] = { { &type, 1 }, { &size, 4 }, { (char *) payload, strlen(payload) } };

        return writev(fd, parts, ELEMENTSOF(parts)) < 0 ? -errno : 0;
}

/* Prints what docker.list does of two containers. */
static int on_run(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        int fd;

        int r = sd_bus_message_skip(call, "ssasa{sv}");
        if (r >= 0)
                r = sd_bus_message_read(call, "h", &fd);
        if (r >= 0)
                r = send_frame(fd, 'O',
                               "web                      running    nginx:1  Up 2 hours  \n"
                               "db                       exited     postgres \n");
        if (r >= 0)
                r = send_frame(fd, 'R', "{\"state\":\"finished\",\"exit_code\":0}");
        return r < 0 ? r : sd_bus_reply_method_return(call, "s", "01JDMXV3Q2TTTTTTTTTTTTTTTT");
}

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable dispatch[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("GetKeys", "", "ayay", on_get_keys),
        METHOD("ListDevices", "", "aa{sv}", on_list_devices),
        METHOD("Run", "ssasa{sv}h", "s", on_run),
        SD_BUS_VTABLE_END,
};

int fake_dispatch_add(sd_bus *bus)
{
        int r = sd_bus_add_object_vtable(bus, NULL, "/org/devbox/Dispatch1", "org.devbox.Dispatch1",
                                         dispatch, NULL);

        return r < 0 ? r : sd_bus_request_name(bus, "org.devbox.Dispatch1", 0);
}
