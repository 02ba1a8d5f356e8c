/* SPDX-License-Identifier: MIT */
#pragma once

/* The configuration a daemon runs on: the last valid one, and what is wrong with the file now. An invalid
 * file keeps the last valid configuration, and each problem is logged once. */

#include "config/load.h"

typedef struct ConfigHolder {
        const char *consequence; /* of an invalid file while `config` is NULL: completes "…, " in the log */
        Config *config;          /* NULL: none was valid yet */
        char *problem;           /* of the file when it was last read; NULL: valid, or not read yet */
        bool logged;             /* the problem is in the log */
} ConfigHolder;

/* Reads the file. Returns 0, and the new configuration, which the caller applies and hands to
 * config_holder_replace_take(), or drops if it was only a check; or DEVBOX_ERROR_CONFIG_INVALID, with
 * `problem` set. Nothing else changes. Errors: -ENOMEM. */
int config_holder_read(ConfigHolder *holder, Config **ret_config);

/* Makes `config` the current one and returns the one before, for the caller to free once nothing borrows
 * from it any more. */
Config *config_holder_replace_take(ConfigHolder *holder, Config *config);

/* Both: reads the file and makes a valid configuration the current one, for a daemon that borrows nothing
 * from the one before. Returns 0 for an invalid file as well. Errors: -ENOMEM. */
int config_holder_load(ConfigHolder *holder);

/* Logs the next problem even if it is the same: after a reload by request. */
void config_holder_repeat(ConfigHolder *holder);

void config_holder_done(ConfigHolder *holder);
