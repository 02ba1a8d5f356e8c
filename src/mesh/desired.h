/* SPDX-License-Identifier: MIT */
#pragma once

/* What the kernel should have, as a function of the database, the journal and the keys. */

#include "basic/port-set.h"
#include "mesh/journal.h"
#include "mesh/node.h"

#define DESIRED_ADDRESSES_MAX 2

typedef struct Desired {
        uint64_t generation;                       /* one more each time */
        WireguardDevice device;                    /* normalised; revoked keys are not in it */
        IpPrefix addresses[DESIRED_ADDRESSES_MAX]; /* IPv4, sorted: all that the link has */
        size_t n_addresses;
        uint32_t mtu;
        char *ruleset; /* of netlink/firewall.h */
} Desired;

#define DESIRED_NULL ((Desired){ 0 })

void desired_done(Desired *desired);

/* What the configuration opens to peers. */
typedef struct DesiredPorts {
        uint16_t http; /* where the hub answers /health */
        PortSet tcp, udp;
} DesiredPorts;

/* Builds it anew for a node with a role; on failure it stays as it was. Errors: those of a database, of the
 * file of the private key, and of wireguard_device_normalise(): then a row contradicts another. */
int desired_build(const Store *store, const Node *node, const Journal *journal, const DesiredPorts *ports,
                  Desired *desired);

/* Where the peer is loaded, should it be missing. */
void desired_set_endpoint(Desired *desired, const WireguardKey *key, const WireguardEndpoint *endpoint);

/* Takes a peer out, without a look at the database. */
void desired_remove_peer(Desired *desired, const WireguardKey *key);
