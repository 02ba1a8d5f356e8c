/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads and changes a WireGuard device asynchronously, through one interface for two implementations: the
 * kernel, and wireguard-go behind its UAPI socket.
 *
 * Each call opens its own socket and resolves the netlink family again, so that no state is stale after the
 * module was reloaded or wireguard-go restarted. A call completes exactly once; its handler runs from the
 * event loop, never from the function that started the call. */

#include <systemd/sd-event.h>

#include "netlink/wireguard.h"

typedef struct WireguardBackend WireguardBackend;
typedef struct WireguardCall WireguardCall;

/* `error` is 0 or a negative errno. `device` is what wireguard_read() read, normalised and borrowed; NULL
 * otherwise. The handler may free the call.
 * Errors: -ENOENT the kernel has no WireGuard, or there is no socket; -ENODEV no such link; -EOPNOTSUPP it
 * is no WireGuard link; -ECONNREFUSED, -ECONNRESET wireguard-go does not run, or ended; -EINVAL,
 * -EADDRINUSE and others: the changes were rejected; -EBADMSG, -EPROTO an invalid reply; -EAGAIN each of 8
 * dumps was interrupted by a change; -ETIMEDOUT. */
typedef void (*wireguard_handler_t)(int error, WireguardDevice *device, void *owner);

/* The kernel's device of that link. A call that takes longer than `timeout_usec` ends with -ETIMEDOUT. */
int wireguard_backend_new_kernel(sd_event *event, const char *link, usec_t timeout_usec,
                                 WireguardBackend **ret_backend);

/* The device of the wireguard-go that listens at `path`. */
int wireguard_backend_new_uapi(sd_event *event, const char *path, usec_t timeout_usec,
                               WireguardBackend **ret_backend);

/* Its calls must have ended. */
WireguardBackend *wireguard_backend_free(WireguardBackend *backend);
DEFINE_CLEANUP(WireguardBackend, wireguard_backend_free);

/* Starts to read all of the device. Errors: of connecting; then there is no call, and no handler runs. */
int wireguard_read(WireguardBackend *backend, wireguard_handler_t handler, void *owner,
                   WireguardCall **ret_call);

/* Starts to apply changes, which are taken even on failure. This is no transaction: after an error, also
 * -ETIMEDOUT, any part of them may have been applied, and the device must be read. */
int wireguard_apply(WireguardBackend *backend, WireguardDevice *changes, wireguard_handler_t handler,
                    void *owner, WireguardCall **ret_call);

/* Cancels the call if it has not ended; its handler does not run then. What was sent may still be applied.
 */
WireguardCall *wireguard_call_free(WireguardCall *call);
DEFINE_CLEANUP(WireguardCall, wireguard_call_free);
