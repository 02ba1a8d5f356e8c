/* SPDX-License-Identifier: MIT */
#pragma once

/* A model of the kernel's generic netlink family "wireguard" at the level of messages, with the quirks that
 * were seen in Linux 6.1: a request stops at its first error and keeps what came before; a peer with the
 * device's own key is ignored; an allowed IP moves silently from the peer that has it; flags on a peer that
 * is not there succeed; a dump splits peers, repeats the device's fields, and is cut short and marked when
 * the device changed meanwhile. */

#include "netlink/netlink-socket.h"
#include "netlink/wireguard.h"

typedef struct FakeKernel {
        uint16_t family; /* 0: the module is not loaded */
        bool has_link;
        WireguardDevice device; /* not sorted, as in the kernel */

        /* How it answers. */
        unsigned n_interrupted; /* the next dumps are cut short and marked */
        int dump_error;         /* at the end of a dump, 0 or a negative errno */
        size_t ips_per_fragment, fragments_per_message;
        const WireguardKey *refused; /* a request ends at this peer with -EINVAL, once it was created */

        /* What was asked of it. */
        unsigned n_sets, n_dumps;
        WireguardDevice touched; /* peers that requests named, without their fields */
} FakeKernel;

#define FAKE_KERNEL_INIT                                                                                    \
        ((FakeKernel){ .family = 33, .has_link = true, .ips_per_fragment = 3, .fragments_per_message = 2 })

void fake_kernel_done(FakeKernel *kernel);

/* Answers a request with datagrams, in order. */
typedef void (*fake_kernel_emit_t)(Bytes datagram, void *userdata);
void fake_kernel_answer(FakeKernel *kernel, Bytes request, fake_kernel_emit_t emit, void *userdata);
