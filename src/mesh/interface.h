/* SPDX-License-Identifier: MIT */
#pragma once

/* The link itself: which WireGuard makes it, its addresses, MTU, rules, and that it is up. All of it is
 * synchronous: the kernel answers inside send(2). */

#include "mesh/desired.h"
#include "mesh/drift.h"
#include "netlink/firewall.h"
#include "netlink/link.h"

#define INTERFACE_UAPI_PATH "/run/wireguard/" MESH_LINK ".sock"

typedef enum InterfaceKind {
        INTERFACE_UNKNOWN,
        INTERFACE_KERNEL,
        INTERFACE_USERSPACE, /* wireguard-go, activated by its socket, makes the link */
} InterfaceKind;

typedef struct Interface {
        InterfaceKind kind;
        unsigned index;          /* 0: there is no link */
        char *ruleset, *listing; /* what was applied last, and how the kernel lists it */
} Interface;

#define INTERFACE_NULL ((Interface){ 0 })

void interface_done(Interface *interface);

/* Finds the link. Errors: -ENODEV there is none; -EEXIST a link of another kind has the name. */
int interface_look(Interface *interface);

/* Finds the link, or makes it where the kernel has WireGuard. Errors: as above, but for -ENODEV; those of
 * netlink/link.h. */
int interface_find(Interface *interface);

/* Called for what is repaired. */
typedef void (*interface_drift_handler_t)(DriftKind kind, const char *detail, void *owner);

/* The rules, which must be there before the link comes up. Errors: -EIO nftables rejects them. */
int interface_settle_rules(Interface *interface, const Desired *desired, interface_drift_handler_t on_drift,
                           void *owner);

/* MTU, IPv4 addresses and state of the link, of which only what differs is changed. Errors: -ENODEV;
 * -EADDRINUSE another program has the port. */
int interface_settle_link(const Desired *desired, interface_drift_handler_t on_drift, void *owner);

/* Takes link and rules away. */
int interface_remove(Interface *interface);
