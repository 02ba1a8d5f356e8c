/* SPDX-License-Identifier: MIT */
#pragma once

/* What this machine is in the network: the hub, a device, or nothing yet. */

#include "basic/text.h"
#include "mesh/store.h"
#include "netlink/wireguard.h"
#include "proto/id.h"
#include "trust/token.h"

#define MESH_LINK       "wg0"
#define MESH_PORT       51820
#define MESH_PREFIX     "10.42.0.0/24"
#define MESH_MTU        1420 /* 1500 − 80: WireGuard over IPv6 */
#define MESH_KEEPALIVE  25
#define MESH_KEY        "wireguard.key"
#define MESH_CLAIM_KEY  "claim.key"
#define MESH_AGENT_PORT 51822

typedef enum NodeRole {
        NODE_ROLE_NONE,
        NODE_ROLE_HUB,
        NODE_ROLE_DEVICE,
        _NODE_ROLE_MAX,
        _NODE_ROLE_INVALID = -EINVAL,
} NodeRole;

const char *node_role_to_string(NodeRole role); /* "" for none */

typedef struct Node {
        NodeRole role;
        char network[DEVICE_NAME_SIZE]; /* its name */
        IpPrefix prefix;                /* of the network */
        IpPrefix address;               /* of this machine, with the length of its network */
        IpPrefix hub_address;
        uint16_t listen_port;                         /* 0: any */
        char private_key[32];                         /* the sealed file with the WireGuard key in use */
        char join_state[16];                          /* of a device: dbus/org.devbox.Mesh1.xml */
        TokenEndpoint endpoints[TOKEN_ENDPOINTS_MAX]; /* of the hub */
        size_t n_endpoints;
} Node;

#define NODE_NULL ((Node){ 0 })

/* The role is NONE where there is no row. Errors: those of a database; -EBADMSG. */
int node_load(Database *database, Node *ret_node);

/* Inside the caller's transaction; a role of NONE removes the row. */
int node_store(Database *database, const Node *node);

/* Whether it belongs to the network, which a device that still joins does not. */
bool node_is_member(const Node *node);

/* Writes `node` in the folder of the daemon for devbox-generator(8): "hub 10.42.0.1/24" or
 * "device 10.42.0.10/24 10.42.0.1"; removes it where the node is no member. */
int node_write_file(int directory_fd, const Node *node);

/* "host:port" or "[v6]:port"; the port may be missing. Errors: -EINVAL. */
int node_endpoint_parse(const char *text, TokenEndpoint *ret_endpoint);
void node_endpoint_append(const TokenEndpoint *endpoint, Text *text);

/* The first address of a network, which is the hub's, with the length of the network. */
void node_first_address(const IpPrefix *prefix, IpPrefix *ret_address);

/* The smallest address from .10 on that no device and no open invitation has. Errors: -EADDRNOTAVAIL there
 * is none; those of a database. */
int node_allocate_address(Database *database, const IpPrefix *prefix, IpPrefix *ret_address);

/* Whether a device may have this address: one of the network, neither its first, which is the hub's, nor its
 * lowest or broadcast address, and not in use. `device`: who may have it already. Returns 1 or 0. */
int node_address_is_free(Database *database, const IpPrefix *prefix, const IpPrefix *address,
                         const char *device);
