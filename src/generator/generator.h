/* SPDX-License-Identifier: MIT */
#pragma once

/* From the configuration and the role in the mesh to the addresses that devbox-api and devbox-agent listen
 * on. */

#include "basic/text.h"
#include "config/config.h"
#include "generator/mesh-node.h"

#define GENERATOR_MADE_BY "# Made by devbox-generator(8) at boot and daemon-reload; changes here are lost.\n"

/* The drop-in for devbox-api.socket: where it listens, instead of the default in the unit. `source` is the
 * file the configuration came from. The caller frees. Errors: -ENOMEM. */
int generator_format_drop_in(const Config *config, const char *source, char **ret_text);

/* The sockets for other machines, which the target of the role wants. */
typedef enum GeneratorSocket {
        GENERATOR_SOCKET_MESH,      /* hub: /health for devices, at its address */
        GENERATOR_SOCKET_BOOTSTRAP, /* hub: /enroll for machines with an invitation */
        GENERATOR_SOCKET_AGENT,     /* requests of the hub, at this machine's address */
        _GENERATOR_SOCKET_MAX,
} GeneratorSocket;

const char *generator_socket_unit(GeneratorSocket which); /* "devbox-api-mesh.socket" */

/* Whether a machine of this role has it. */
bool generator_socket_wanted(GeneratorSocket which, MeshRole role);

/* The unit. `source` is the file that the role came from. The caller frees. Errors: -ENOMEM. */
int generator_format_socket(GeneratorSocket which, const MeshNode *node, uint64_t http_port,
                            const char *source, char **ret_text);

/* A value of a unit file: a percent sign begins a specifier there. */
void generator_append_escaped(Text *text, const char *value);

/* Puts the text at DIRECTORY/NAME, or at DIRECTORY/UNIT.d/NAME: all of it, or nothing. Errors: from
 * mkdirat(2), openat(2), write(2), renameat(2). */
int generator_write_unit(const char *directory, const char *name, const char *text);
int generator_write_drop_in(const char *directory, const char *unit, const char *name, const char *text);
