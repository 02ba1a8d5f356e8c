/* SPDX-License-Identifier: MIT */
#pragma once

/* The output of docker.list: a line for each container, of its name, state and image, padded with blanks,
 * and how long it has been in that state. */

#include "basic/macro.h"

typedef struct ContainerLine {
        char *name, *state, *image, *status; /* borrowed; empty: missing */
} ContainerLine;

/* Takes the next container off a text, which is cut into pieces; what is left is in `*text`, NULL at the
 * end. The pieces are as the device wrote them. Returns whether there was one. */
bool container_line_next(char **text, ContainerLine *ret_line);
