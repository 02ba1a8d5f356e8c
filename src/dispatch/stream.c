/* SPDX-License-Identifier: MIT */
/* Writes frames to a client as fast as it reads them: those of one turn of the loop together. */

#include "dispatch/stream.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "basic/text.h"

#define PENDING_MAX (64 * 1024)

/* At the end the kernel keeps what the client has not read: the largest buffer of net.core.wmem_max has room
 * for what is pending beside a full one of net.core.wmem_default. */
#define LAST_BUFFER (208 * 1024)

struct ClientStream {
        int fd;
        sd_event_source *source;
        const ClientStreamHandlers *handlers;
        void *owner;
        Text pending;
        size_t at; /* written of it */
};

/* Whatever the socket takes now. Errors: the client is gone. */
static int flush(ClientStream *stream)
{
        while (stream->at < stream->pending.size) {
                ssize_t n = send(stream->fd, stream->pending.data + stream->at,
                                 stream->pending.size - stream->at, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                stream->at += (size_t) n;
        }

        text_reset(&stream->pending);
        stream->at = 0;
        return 0;
}

ClientStream *client_stream_free(ClientStream *stream)
{
        if (!stream)
                return NULL;

        (void) setsockopt(stream->fd, SOL_SOCKET, SO_SNDBUF, &(int){ LAST_BUFFER }, sizeof(int));
        (void) flush(stream);
        sd_event_source_disable_unref(stream->source);
        (void) fd_close(stream->fd);
        text_done(&stream->pending);
        free(stream);
        return NULL;
}

static int update_events(ClientStream *stream)
{
        return sd_event_source_set_io_events(stream->source, stream->pending.size > 0 ? EPOLLOUT : 0);
}

/* EPOLLHUP is always reported: the client has closed its end. */
static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        ClientStream *stream = userdata;

        if ((events & (EPOLLHUP | EPOLLERR)) || flush(stream) < 0 || stream->pending.error < 0) {
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                stream->handlers->on_closed(stream->owner);
                return 0;
        }

        int r = update_events(stream);
        if (stream->pending.size == 0)
                stream->handlers->on_room(stream->owner);
        return r;
}

int client_stream_new_take(sd_event *event, int fd, const ClientStreamHandlers *handlers, void *owner,
                           ClientStream **ret_stream)
{
        _cleanup_(client_stream_freep) ClientStream *stream = calloc(1, sizeof *stream);
        if (!stream) {
                (void) fd_close(fd);
                return -ENOMEM;
        }

        *stream = (ClientStream){ .fd = fd, .handlers = handlers, .owner = owner };
        int r = sd_event_add_io(event, &stream->source, fd, 0, on_io, stream);
        if (r < 0)
                return r;

        *ret_stream = TAKE_PTR(stream);
        return 0;
}

void client_stream_send(ClientStream *stream, char type, Bytes payload)
{
        uint8_t header[5] = { (uint8_t) type };

        put_be32(header + 1, (uint32_t) payload.size);
        text_append_bytes(&stream->pending, header, sizeof header);
        text_append_bytes(&stream->pending, payload.data, payload.size);
        if (client_stream_is_full(stream))
                (void) flush(stream);
        (void) update_events(stream);
}

bool client_stream_is_full(const ClientStream *stream)
{
        return stream->pending.size - stream->at > PENDING_MAX;
}
