/* SPDX-License-Identifier: MIT */
#pragma once

/* The role of this machine in the mesh, from the file that devbox-mesh writes: "hub 10.42.0.1/24" or
 * "device 10.42.0.10/24 10.42.0.1", and a newline. The generator runs as root and that user has little:
 * anything else in the file is an error, and no address in it makes root listen where the internet is. */

#include "basic/ip-prefix.h"

typedef enum MeshRole {
        MESH_ROLE_NONE, /* there is no file */
        MESH_ROLE_HUB,
        MESH_ROLE_DEVICE,
} MeshRole;

typedef struct MeshNode {
        MeshRole role;
        IpPrefix address; /* of this machine, with the length of the network: 16 to 30 bits of a private one
                           */
        IpPrefix hub;     /* of a device */
} MeshNode;

/* /var/lib/devbox/mesh/node, or $DEVBOX_MESH_NODE. */
const char *mesh_node_path(void);

/* Errors: -EINVAL. */
int mesh_node_parse(const char *text, MeshNode *ret_node);

/* Follows no symbolic link. No file: MESH_ROLE_NONE. Errors: -EINVAL, also for NUL bytes; -EFBIG; -ELOOP;
 * those of fd_open_regular_at(). */
int mesh_node_read(const char *path, MeshNode *ret_node);
