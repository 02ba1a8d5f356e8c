/* SPDX-License-Identifier: MIT */
/* wireguard-go, over its UAPI socket.
 *
 * A call is a connection with one request and one reply. Never two: wireguard-go reads ahead, and after an
 * error it takes the rest of a request for the next one. A reply may arrive while the request is still being
 * written, and then it is an error. */

#include <sys/epoll.h>
#include <sys/socket.h>

#include "basic/fd.h"
#include "netlink/wireguard-backend-internal.h"

#define HALF (WIREGUARD_CALL_BUFFER / 2) /* the first is for output, the second for input */

static int uapi_open(WireguardBackend *backend)
{
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        int r = fd_connect_unix(fd, backend->target);
        if (r < 0)
                return r;

        return TAKE_FD(fd);
}

/* The next output, if there is any. */
static bool uapi_fill(WireguardCall *call)
{
        UapiCall *uapi = &call->uapi;

        uapi->n_written = 0;
        uapi->n_pending = call->is_apply ? wireguard_uapi_write_set(&call->device, &call->cursor,
                                                                    (char *) call->buffer, HALF)
                                         : 0;
        return uapi->n_pending > 0;
}

static int uapi_begin(WireguardCall *call)
{
        call->uapi = (UapiCall){ 0 };
        if (call->is_apply) {
                (void) uapi_fill(call);
        } else {
                memcpy(call->buffer, WIREGUARD_UAPI_GET, strlen(WIREGUARD_UAPI_GET));
                call->uapi.n_pending = strlen(WIREGUARD_UAPI_GET);
                call->uapi.reader.device = &call->device;
        }

        return sd_event_source_set_io_events(call->io, EPOLLIN | EPOLLOUT);
}

static int uapi_write(WireguardCall *call)
{
        UapiCall *uapi = &call->uapi;

        ssize_t n = send(call->fd, call->buffer + uapi->n_written, uapi->n_pending - uapi->n_written,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;

        uapi->n_written += (size_t) n;
        if (uapi->n_written < uapi->n_pending || uapi_fill(call))
                return 0;

        uapi->all_written = true;
        return sd_event_source_set_io_events(call->io, EPOLLIN);
}

static int uapi_read(WireguardCall *call)
{
        ssize_t n = recv(call->fd, call->buffer + HALF, HALF, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;

        int r = wireguard_uapi_read(&call->uapi.reader, BYTES(call->buffer + HALF, (size_t) n));
        if (r > 0 && !call->uapi.all_written)
                return -EBADMSG;
        return r;
}

/* Reads first: a reply that ends a request early has the reason why writing fails. */
static int uapi_dispatch(WireguardCall *call, uint32_t events)
{
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                return uapi_read(call);
        return uapi_write(call);
}

static const WireguardBackendOps uapi_ops = {
        .open = uapi_open,
        .begin = uapi_begin,
        .dispatch = uapi_dispatch,
};

int wireguard_backend_new_uapi(sd_event *event, const char *path, usec_t timeout_usec,
                               WireguardBackend **ret_backend)
{
        return wireguard_backend_new(&uapi_ops, event, path, timeout_usec, ret_backend);
}
