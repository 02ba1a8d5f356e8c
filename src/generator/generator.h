/* SPDX-License-Identifier: MIT */
#pragma once

/* From the configuration to devbox-api.socket's addresses. */

#include "config/config.h"

/* The drop-in for devbox-api.socket: where it listens, instead of the default in the unit. `source` is the
 * file the configuration came from. The caller frees. Errors: -ENOMEM. */
int generator_format_drop_in(const Config *config, const char *source, char **ret_text);

/* Puts the text at DIRECTORY/devbox-api.socket.d/50-config.conf: all of it, or nothing. Errors: from
 * mkdirat(2), openat(2), write(2), renameat(2). */
int generator_write_drop_in(const char *directory, const char *text);
