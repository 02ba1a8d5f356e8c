/* SPDX-License-Identifier: MIT */
/* The directories of a template. */

#include "ctl/template/roots.h"

#include <ctype.h>
#include <stdio.h>

#include "codec/strict-json.h"
#include "proto/id.h"

void label_from(const char *text, char ret_label[static LABEL_SIZE])
{
        size_t n = 0;

        for (; *text != '\0' && n < LABEL_SIZE - 8; text++) { /* room for a number */
                char lower = (char) tolower((unsigned char) *text);
                bool alphanumeric = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');

                if (alphanumeric || (n > 0 && strchr("._-", lower)))
                        ret_label[n++] = lower;
                else if (n > 0 && ret_label[n - 1] != '-')
                        ret_label[n++] = '-';
        }
        while (n > 0 && ret_label[n - 1] == '-')
                n--;
        if (n == 0)
                ret_label[n++] = 'x';
        ret_label[n] = '\0';
}

void label_unique(const char *base, bool (*is_used)(const void *userdata, const char *label),
                  const void *userdata, char ret_label[static LABEL_SIZE])
{
        (void) snprintf(ret_label, LABEL_SIZE, "%s", base);
        for (unsigned i = 2; is_used(userdata, ret_label); i++)
                (void) snprintf(ret_label, LABEL_SIZE, "%.*s-%u", LABEL_SIZE - 8, base, i);
}

/* The name of the root whose `key`, "name" or "path", is `text`. */
static const char *find(const cJSON *roots, const char *key, const char *text)
{
        const cJSON *root;

        cJSON_ArrayForEach(root, roots) {
                const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));

                if (value && streq(value, text))
                        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "name"));
        }

        return NULL;
}

static bool name_is_used(const void *userdata, const char *name)
{
        return find(userdata, "name", name);
}

int roots_resolve(cJSON *roots, const char *text, const char **ret_name)
{
        char base[LABEL_SIZE], name[LABEL_SIZE];
        const char *found = find(roots, *text == '/' ? "path" : "name", text);

        if (!found && *text != '/')
                return -ENOENT;
        if (!found && !absolute_path_valid(text))
                return -EINVAL;

        if (!found) {
                cJSON *root = cJSON_CreateObject();

                label_from(streq(text, "/") ? "all" : text, base);
                label_unique(base, name_is_used, roots, name);
                if (json_tree_append(roots, root) < 0)
                        return -ENOMEM;
                const cJSON *added = cJSON_AddStringToObject(root, "name", name);
                if (!added || !cJSON_AddStringToObject(root, "path", text))
                        return -ENOMEM;
                found = added->valuestring;
        }

        *ret_name = found;
        return 0;
}
