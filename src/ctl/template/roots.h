/* SPDX-License-Identifier: MIT */
#pragma once

/* The directories of a template: those that it names, and those that its lines name by their paths, which
 * get a name. Names of a manifest are labels; see proto/id.h. */

#include <cjson/cJSON.h>

#include "basic/macro.h"

#define LABEL_SIZE 64 /* with the NUL */

/* A label of the letters and digits of any text: "/var/log/Nginx" → "var-log-nginx". */
void label_from(const char *text, char ret_label[static LABEL_SIZE]);

/* The first of `base`, `base`-2, `base`-3, … that `is_used` does not know. */
void label_unique(const char *base, bool (*is_used)(const void *userdata, const char *label),
                  const void *userdata, char ret_label[static LABEL_SIZE]);

/* The name of a directory in `roots`, the array of a manifest, by that name or by its path, for which one is
 * added if there is none; borrowed from the array. Errors: -ENOENT no such name; -EINVAL no absolute path;
 * -ENOMEM. */
int roots_resolve(cJSON *roots, const char *text, const char **ret_name);
