/* SPDX-License-Identifier: MIT */
#pragma once

/* D-Bus messages outside any bus: to fill, seal and read in a test. */

#include <assert.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

/* A bus at whose other end nobody is: enough to make messages. The caller drops it with sd_bus_unref(). */
static inline sd_bus *message_bus_new(void)
{
        sd_bus *bus = NULL;
        int ends[2] = { -1, -1 };

        int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
        assert(r >= 0);
        r = sd_bus_new(&bus);
        assert(r >= 0);
        r = sd_bus_set_fd(bus, ends[0], ends[0]);
        assert(r >= 0);
        r = sd_bus_start(bus);
        assert(r >= 0);
        (void) r;
        (void) close(ends[1]);

        return bus;
}

static inline sd_bus_message *message_new(sd_bus *bus)
{
        sd_bus_message *message = NULL;

        int r = sd_bus_message_new(bus, &message, SD_BUS_MESSAGE_METHOD_CALL);
        assert(r >= 0);
        (void) r;

        return message;
}

/* Ends the writing; reading begins at the first value. Errors: what sd_bus_message_seal(3) finds. */
static inline int message_seal(sd_bus_message *message)
{
        int r = sd_bus_message_seal(message, 1, 0);
        if (r < 0)
                return r;

        return sd_bus_message_rewind(message, true);
}
