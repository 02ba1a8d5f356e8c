/* SPDX-License-Identifier: MIT */
#pragma once

/* From the configuration and the role in the mesh to the addresses that devbox-api listens on. */

#include "config/config.h"
#include "generator/mesh-node.h"

/* The drop-in for devbox-api.socket: where it listens, instead of the default in the unit. `source` is the
 * file the configuration came from. The caller frees. Errors: -ENOMEM. */
int generator_format_drop_in(const Config *config, const char *source, char **ret_text);

/* The sockets of a hub for other machines, which devbox-hub.target wants. */
typedef enum GeneratorSocket {
        GENERATOR_SOCKET_MESH,      /* /health for devices, at the hub's address */
        GENERATOR_SOCKET_BOOTSTRAP, /* /enroll for machines with an invitation */
        _GENERATOR_SOCKET_MAX,
} GeneratorSocket;

const char *generator_socket_unit(GeneratorSocket which); /* "devbox-api-mesh.socket" */

/* The unit. `source` is the file that the role came from. The caller frees. Errors: -ENOMEM. */
int generator_format_socket(GeneratorSocket which, const MeshNode *hub, uint64_t http_port,
                            const char *source, char **ret_text);

/* Puts the text at DIRECTORY/devbox-api.socket.d/50-config.conf, or at DIRECTORY/NAME: all of it, or
 * nothing. Errors: from mkdirat(2), openat(2), write(2), renameat(2). */
int generator_write_drop_in(const char *directory, const char *text);
int generator_write_unit(const char *directory, const char *name, const char *text);
