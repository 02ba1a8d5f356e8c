/* SPDX-License-Identifier: MIT */
#pragma once

/* The values of configuration keys: the rows of the table in config.c, and the
 * functions that they name. */

#include "config/config.h"

typedef struct ConfigKey ConfigKey;

enum { CONFIG_VALUE_REJECTED = 1 };

/* Takes the text of a scalar, or of one item of a list. Returns CONFIG_VALUE_REJECTED; then `ret_why`
 * goes on where "must be …" of a scalar ended, or follows the item of a list. Errors: -ENOMEM. */
typedef int (*ConfigSetter)(Config *config, const ConfigKey *key, const char *text, const char **ret_why);

struct ConfigKey {
        const char *section, *name; /* no section: a key of the top level */
        const char *takes;          /* "must be …"; numbers have limits instead */
        ConfigSetter set;
        size_t offset;           /* of a number or bool in Config */
        uint64_t min, max, unit; /* of a number: limits as written, and what one is in Config */
        const char *fallback;    /* as written; of a list, its one item */
        bool list;
        bool quoted; /* may be written in quotes */
};

int config_set_number(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_set_bool(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_set_host(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_set_token(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_add_service(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_add_disk(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
int config_add_port(Config *config, const ConfigKey *key, const char *text, const char **ret_why);
