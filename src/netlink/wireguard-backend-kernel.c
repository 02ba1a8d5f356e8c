/* SPDX-License-Identifier: MIT */
/* The kernel's WireGuard, over generic netlink.
 *
 * A call first asks for the id of the family, which changes when the module is reloaded, then sends one
 * message at a time and reads its reply. The kernel has answered before send(2) returns, so the socket is
 * readable in the next iteration of the loop: no iteration takes longer than the kernel needs for 8 KiB of
 * changes or one datagram of a dump, and the loop serves others in between. */

#include "netlink/wireguard-backend-internal.h"
#include "netlink/wireguard-genl.h"

/* A dump during which the device changed is incomplete and must be repeated; with this bound, constant
 * changes cannot keep a call pending for ever. */
#define INTERRUPTED_MAX 8

static int on_message(const struct nlmsghdr *header, void *userdata)
{
        WireguardCall *call = userdata;
        KernelCall *kernel = &call->kernel;

        if (!kernel->has_family)
                return wireguard_genl_read_family(header, &kernel->family);
        return call->is_apply ? 0 : wireguard_genl_read_device(header, &call->device);
}

static int kernel_open(WireguardBackend *backend)
{
        return netlink_open(NETLINK_GENERIC);
}

static int kernel_begin(WireguardCall *call)
{
        _cleanup_(netlink_message_freep) struct nl_msg *message = wireguard_genl_new_resolve();
        if (!message)
                return -ENOMEM;

        call->kernel.reply = (NetlinkReply){ .on_message = on_message, .userdata = call };
        return netlink_send(call->fd, message, &call->kernel.reply);
}

static int send_get(WireguardCall *call)
{
        KernelCall *kernel = &call->kernel;
        _cleanup_(netlink_message_freep) struct nl_msg *message =
                wireguard_genl_new_get(kernel->family, call->backend->target);
        if (!message)
                return -ENOMEM;

        wireguard_device_done(&call->device); /* what an interrupted dump left */
        kernel->reply.interrupted = false;
        return netlink_send(call->fd, message, &kernel->reply);
}

static int send_set(WireguardCall *call)
{
        _cleanup_(netlink_message_freep) struct nl_msg *message = NULL;

        int r = wireguard_genl_new_set(call->kernel.family, call->backend->target, &call->device,
                                       &call->cursor, &message);
        if (r < 0)
                return r;

        return netlink_send(call->fd, message, &call->kernel.reply);
}

/* A reply is complete: sends the next request. Returns 1 if there is none. */
static int kernel_proceed(WireguardCall *call)
{
        KernelCall *kernel = &call->kernel;

        if (!kernel->has_family) {
                if (kernel->family == 0)
                        return -EPROTO;
                kernel->has_family = true;
                return call->is_apply ? send_set(call) : send_get(call);
        }

        if (call->is_apply)
                return wireguard_cursor_at_end(&call->cursor, &call->device) ? 1 : send_set(call);
        if (!kernel->reply.interrupted)
                return 1;
        return ++kernel->n_interrupted < INTERRUPTED_MAX ? send_get(call) : -EAGAIN;
}

static int kernel_dispatch(WireguardCall *call, uint32_t events)
{
        int r = netlink_receive(call->fd, call->buffer, &call->kernel.reply);

        if (r == NETLINK_COMPLETE)
                return kernel_proceed(call);
        return r;
}

const WireguardBackendOps wireguard_kernel_ops = {
        .open = kernel_open,
        .begin = kernel_begin,
        .dispatch = kernel_dispatch,
};

int wireguard_backend_new_kernel(sd_event *event, const char *link, usec_t timeout_usec,
                                 WireguardBackend **ret_backend)
{
        return wireguard_backend_new(&wireguard_kernel_ops, event, link, timeout_usec, ret_backend);
}
