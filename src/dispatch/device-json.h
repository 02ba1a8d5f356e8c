/* SPDX-License-Identifier: MIT */
#pragma once

/* What devices answer, which is not trusted. */

#include <cjson/cJSON.h>

/* A text; NULL: there is none. */
static inline const char *device_json_text(const cJSON *tree, const char *key)
{
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
}

static inline void device_json_freep(cJSON **tree)
{
        cJSON_Delete(*tree);
}
