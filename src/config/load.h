/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads /etc/devbox/config.yaml. One reader for every program, strict: an unknown key or an invalid value is
 * rejected with its line and what to write instead. The keys are one table in load.c. */

#include "config/config.h"

/* Where the configuration is: $DEVBOX_CONFIG, or /etc/devbox/config.yaml. */
const char *config_path(void);

/* Reads and checks the file. Returns DEVBOX_ERROR_CONFIG_INVALID when it is absent, unreadable or wrong;
 * then `ret_problem` is one line for a person, without secrets: "/etc/devbox/config.yaml:3: unknown key
 * 'prot' in http; did you mean 'port'?", the first of several. The caller frees both. Errors: -ENOMEM. */
int config_load(const char *path, Config **ret_config, char **ret_problem);

/* The same with all problems of the file, each on a line of its own. */
int config_check(const char *path, Config **ret_config, char **ret_problems);

/* The same for a text in memory; `name` is the path in `ret_problems`. */
int config_parse(const char *name, const char *text, size_t size, Config **ret_config, char **ret_problems);
