/* SPDX-License-Identifier: MIT */
/* The fake systemd1 as the socket unit of one service, with Accept=no and FlushPending=yes: a connection is
 * never accepted, it starts the service, and is closed when that has ended. */

#include "fake-systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"

static struct {
        sd_event_source *source; /* NULL: does not listen */
        struct sockaddr_un address;
        char id[NAME_MAX_BYTES];
} listener;

/* As systemd when the service cannot be started: the socket has failed, and is removed. */
static void close_listener(void)
{
        listener.source = sd_event_source_disable_unref(listener.source);
        (void) unlink(listener.address.sun_path);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Member *trigger = member_make("Trigger");

        trigger->calls++;
        if (trigger->error[0] != '\0') {
                close_listener();
                return 0;
        }

        int r = unit_start(unit_make(listener.id));
        return r < 0 ? r : socket_update();
}

int socket_update(void)
{
        if (!listener.source)
                return 0;

        bool waits = unit_make(listener.id)->job == 0 && !member_make("Trigger")->held;
        return sd_event_source_set_enabled(listener.source, waits ? SD_EVENT_ON : SD_EVENT_OFF);
}

int socket_flush(void)
{
        int fd;

        if (!listener.source)
                return 0;

        while ((fd = accept4(sd_event_source_get_io_fd(listener.source), NULL, NULL, SOCK_CLOEXEC)) >= 0)
                (void) fd_close(fd);
        return socket_update();
}

int socket_listen(const char *path, const char *id)
{
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        listener.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        copy_text(listener.address.sun_path, sizeof listener.address.sun_path, path);
        copy_text(listener.id, sizeof listener.id, id);
        if (fd < 0 || bind(fd, (struct sockaddr *) &listener.address, sizeof listener.address) < 0 ||
            listen(fd, 16) < 0)
                return -errno;

        int r = sd_event_add_io(sd_bus_get_event(fake.bus), &listener.source, fd, EPOLLIN, on_connection,
                                NULL);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(listener.source, true);
        if (r < 0)
                return r;

        TAKE_FD(fd);
        return socket_update();
}
