/* SPDX-License-Identifier: MIT */
#pragma once

/* The replies of the Docker Engine, of which nothing is trusted: containers choose their names and images.
 * What is missing or of another type is as if it were empty. */

#include <cjson/cJSON.h>

#include "basic/text.h"
#include "trust/manifest.h"

#define ENGINE_ID_SIZE 65 /* of a container or an exec: 64 hexadecimal digits and a NUL */

/* The id of a container or an exec. Errors: -EPROTO it is none. */
int docker_json_id(const cJSON *reply, char ret_id[static ENGINE_ID_SIZE]);

/* The id of the container with exactly this name, in the list of all. Errors: -ENXIO there is none; -EPROTO.
 */
int docker_json_find(const cJSON *list, const char *name, char ret_id[static ENGINE_ID_SIZE]);

/* Appends a line for each container that the entry names: name, state, image, status, without control
 * characters. */
void docker_json_list(const cJSON *list, const Capability *capability, Text *text);

/* Of one container: whether its output is that of a terminal; and why a process in it could act on the host,
 * static, NULL: it could not. */
bool docker_json_has_terminal(const cJSON *container);
const char *docker_json_reach(const cJSON *container);

/* Of an exec that has ended. Errors: -EPROTO. */
int docker_json_exit_code(const cJSON *reply, int *ret_exit_code);
