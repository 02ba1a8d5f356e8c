/* SPDX-License-Identifier: MIT */
/* The agent's end of a worker's channel. */

#include "agent/worker-link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "basic/fd.h"

#define MESSAGES_MAX 16 /* received before other events of the loop have their turn */

/* What is sent: the pieces of the request, those of the permit, and the empty message that completes them.
 */
typedef struct Part {
        ChannelType type;
        Bytes left;
} Part;

struct WorkerLink {
        int fd;
        sd_event_source *source;
        const WorkerLinkHandlers *handlers;
        void *owner;
        Part parts[2];
        bool sending, paused, cancelled, hung_up;
        bool *freed; /* set by worker_link_free() while a handler runs */
};

WorkerLink *worker_link_free(WorkerLink *link)
{
        if (!link)
                return NULL;

        if (link->freed)
                *link->freed = true;
        sd_event_source_disable_unref(link->source);
        (void) fd_close(link->fd);
        free(link);
        return NULL;
}

static int update_events(WorkerLink *link)
{
        return sd_event_source_set_io_events(link->source, (link->paused && !link->hung_up ? 0 : EPOLLIN) |
                                                                   (link->sending ? EPOLLOUT : 0));
}

/* Sends until the worker takes no more. */
static int send_parts(WorkerLink *link)
{
        for (size_t i = 0; i < ELEMENTSOF(link->parts); i++) {
                Part *part = &link->parts[i];

                while (part->left.size > 0) {
                        size_t n = MIN(part->left.size, (size_t) CHANNEL_PAYLOAD_MAX);

                        int r = channel_send(link->fd, part->type, BYTES(part->left.data, n));
                        if (r < 0)
                                return r == -EAGAIN ? 0 : r;
                        part->left = BYTES(part->left.data + n, part->left.size - n);
                }
        }

        int r = channel_send(link->fd, link->cancelled ? CHANNEL_CANCEL : CHANNEL_RUN, BYTES_NULL);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;

        link->sending = false;
        return update_events(link);
}

/* Returns 0 if there is no more to receive now, 1 if there may be, and 2 if the link was freed. */
static int receive(WorkerLink *link)
{
        uint8_t buffer[CHANNEL_PAYLOAD_MAX];
        ChannelType type;
        bool freed = false;
        size_t size;

        int r = channel_receive(link->fd, &type, buffer, &size);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;

        link->freed = &freed;
        link->handlers->on_message(type, BYTES(buffer, size), link->owner);
        if (freed)
                return 2;

        link->freed = NULL;
        return 1;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        WorkerLink *link = userdata;
        int r = 0;

        /* What a worker that has exited leaves in the socket, which the kernel bounds, ends with its end. */
        link->hung_up |= (events & EPOLLHUP) != 0;
        if (events & EPOLLOUT)
                r = send_parts(link);
        for (unsigned i = 0; r >= 0 && i < MESSAGES_MAX && (!link->paused || link->hung_up); i++) {
                r = receive(link);
                if (r == 2)
                        return 0;
                if (r == 0)
                        break;
        }

        if (r < 0) {
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                link->handlers->on_closed(r, link->owner);
        }

        return 0;
}

int worker_link_new(sd_event *event, const char *path, const WorkerLinkHandlers *handlers, void *owner,
                    WorkerLink **ret_link)
{
        _cleanup_(worker_link_freep) WorkerLink *link = calloc(1, sizeof *link);
        if (!link)
                return -ENOMEM;

        *link = (WorkerLink){ .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                              .handlers = handlers,
                              .owner = owner };
        int r = link->fd < 0 ? -errno : fd_connect_unix(link->fd, path);
        if (r == 0)
                r = sd_event_add_io(event, &link->source, link->fd, EPOLLIN, on_io, link);
        if (r < 0)
                return r;

        *ret_link = TAKE_PTR(link);
        return 0;
}

int worker_link_run(WorkerLink *link, Bytes request, Bytes permit)
{
        link->parts[0] = (Part){ CHANNEL_REQUEST, request };
        link->parts[1] = (Part){ CHANNEL_PERMIT, permit };
        link->sending = true;
        return update_events(link);
}

int worker_link_cancel(WorkerLink *link)
{
        link->cancelled = true;
        if (link->sending)
                return 0;

        int r = channel_send(link->fd, CHANNEL_CANCEL, BYTES_NULL);
        return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int worker_link_pause(WorkerLink *link, bool paused)
{
        link->paused = paused;
        return update_events(link);
}
