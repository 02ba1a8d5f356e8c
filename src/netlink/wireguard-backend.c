/* SPDX-License-Identifier: MIT */
/* Calls to a WireGuard device: their lifecycle, common to all backends. */

#include "netlink/wireguard-backend.h"

#include <sodium.h>
#include <sys/epoll.h>

#include "basic/fd.h"
#include "netlink/wireguard-backend-internal.h"

int wireguard_backend_new(const WireguardBackendOps *ops, sd_event *event, const char *target,
                          usec_t timeout_usec, WireguardBackend **ret_backend)
{
        _cleanup_(wireguard_backend_freep) WireguardBackend *backend = malloc(sizeof *backend);
        if (!backend)
                return -ENOMEM;

        *backend = (WireguardBackend){ .ops = ops,
                                       .event = sd_event_ref(event),
                                       .target = strdup(target),
                                       .timeout_usec = timeout_usec };
        if (!backend->target)
                return -ENOMEM;

        *ret_backend = TAKE_PTR(backend);
        return 0;
}

WireguardBackend *wireguard_backend_free(WireguardBackend *backend)
{
        if (!backend)
                return NULL;

        sd_event_unref(backend->event);
        free(backend->target);
        free(backend);
        return NULL;
}

static void call_disarm(WireguardCall *call)
{
        call->io = sd_event_source_disable_unref(call->io);
        call->deadline = sd_event_source_disable_unref(call->deadline);
        call->fd = fd_close(call->fd);
}

WireguardCall *wireguard_call_free(WireguardCall *call)
{
        if (!call)
                return NULL;

        call_disarm(call);
        wireguard_device_done(&call->device);
        if (call->buffer)
                sodium_memzero(call->buffer, WIREGUARD_CALL_BUFFER);
        free(call->buffer);
        sodium_memzero(call, sizeof *call);
        free(call);
        return NULL;
}

/* The handler may free the call: nothing of it is touched afterwards. */
static void call_complete(WireguardCall *call, int error)
{
        call_disarm(call);

        if (error >= 0 && !call->is_apply) {
                int r = wireguard_device_normalise(&call->device);
                if (r < 0)
                        error = r == -ENOMEM ? r : -EPROTO;
        }

        call->handler(MIN(error, 0), error < 0 || call->is_apply ? NULL : &call->device, call->owner);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        WireguardCall *call = userdata;

        int r = call->backend->ops->dispatch(call, events);
        if (r != 0)
                call_complete(call, r);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t due_usec, void *userdata)
{
        call_complete(userdata, -ETIMEDOUT);
        return 0;
}

static int call_start(WireguardBackend *backend, WireguardCall *call)
{
        call->buffer = malloc(WIREGUARD_CALL_BUFFER);
        if (!call->buffer)
                return -ENOMEM;

        call->fd = backend->ops->open(backend);
        if (call->fd < 0)
                return call->fd;

        int r = sd_event_add_io(backend->event, &call->io, call->fd, EPOLLIN, on_io, call);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(backend->event, &call->deadline, CLOCK_MONOTONIC,
                                       backend->timeout_usec, 0, on_deadline, call);
        if (r < 0)
                return r;

        return backend->ops->begin(call);
}

int wireguard_read(WireguardBackend *backend, wireguard_handler_t handler, void *owner,
                   WireguardCall **ret_call)
{
        _cleanup_(wireguard_call_freep) WireguardCall *call = malloc(sizeof *call);
        if (!call)
                return -ENOMEM;

        *call = (WireguardCall){ .backend = backend, .handler = handler, .owner = owner, .fd = -EBADF };
        int r = call_start(backend, call);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}

int wireguard_apply(WireguardBackend *backend, WireguardDevice *changes, wireguard_handler_t handler,
                    void *owner, WireguardCall **ret_call)
{
        _cleanup_(wireguard_device_done) WireguardDevice taken = TAKE(*changes, WIREGUARD_DEVICE_NULL);
        _cleanup_(wireguard_call_freep) WireguardCall *call = malloc(sizeof *call);
        if (!call)
                return -ENOMEM;

        *call = (WireguardCall){ .backend = backend,
                                 .is_apply = true,
                                 .device = TAKE(taken, WIREGUARD_DEVICE_NULL),
                                 .handler = handler,
                                 .owner = owner,
                                 .fd = -EBADF };
        int r = call_start(backend, call);
        if (r < 0)
                return r;

        *ret_call = TAKE_PTR(call);
        return 0;
}
