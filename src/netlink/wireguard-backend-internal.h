/* SPDX-License-Identifier: MIT */
#pragma once

/* What the two backends share. */

#include "netlink/netlink-socket.h"
#include "netlink/wireguard-backend.h"
#include "netlink/wireguard-uapi.h"

#define WIREGUARD_CALL_BUFFER NETLINK_DATAGRAM_MAX

typedef struct WireguardBackendOps {
        /* A non-blocking socket for one call, or a negative errno. */
        int (*open)(WireguardBackend *backend);
        /* The first output. */
        int (*begin)(WireguardCall *call);
        /* The socket is ready. Returns 0 to go on, 1 at the end, or the error of the call. */
        int (*dispatch)(WireguardCall *call, uint32_t events);
} WireguardBackendOps;

struct WireguardBackend {
        const WireguardBackendOps *ops;
        sd_event *event;
        char *target; /* the name of the link, or the path of the socket */
        usec_t timeout_usec;
};

typedef struct KernelCall {
        NetlinkReply reply;
        uint16_t family;
        bool has_family;
        unsigned n_interrupted;
} KernelCall;

typedef struct UapiCall {
        size_t n_written, n_pending; /* of the output in the buffer */
        bool all_written;
        WireguardUapiReader reader;
} UapiCall;

struct WireguardCall {
        WireguardBackend *backend;
        bool is_apply;
        WireguardDevice device; /* the changes, or what was read */
        WireguardCursor cursor; /* of the changes */
        wireguard_handler_t handler;
        void *owner;

        int fd;
        sd_event_source *io, *deadline;
        uint8_t *buffer; /* of WIREGUARD_CALL_BUFFER bytes; holds keys */
        union {
                KernelCall kernel;
                UapiCall uapi;
        };
};

int wireguard_backend_new(const WireguardBackendOps *ops, sd_event *event, const char *target,
                          usec_t timeout_usec, WireguardBackend **ret_backend);

extern const WireguardBackendOps wireguard_kernel_ops;
