/* SPDX-License-Identifier: MIT */
/* What changes between two manifests. Both are trees; the members of lists are matched by what names them,
 * so that a capability that moved is no change. */

#include "ctl/manifest/changes.h"

#include <stdio.h>

#include "basic/utf8.h"
#include "codec/strict-json.h"
#include "ctl/print.h"

#define PATH_SIZE 256

typedef struct Diff {
        const Ctl *ctl;
        Json *json; /* NULL: lines for a person */
        size_t n;
        int error;
} Diff;

static void compare(Diff *diff, const char *path, const cJSON *old, const cJSON *new);

/* What names a member of a list, or NULL. */
static const char *name_of(const cJSON *item)
{
        static const char *const keys[] = { "id", "mxid", "pub" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, keys[i]);
                if (cJSON_IsString(value))
                        return value->valuestring;
        }

        const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name"); /* of a root */
        return cJSON_IsString(name) && cJSON_GetObjectItemCaseSensitive(item, "path") ? name->valuestring
                                                                                      : NULL;
}

static const cJSON *find_named(const cJSON *list, const char *name)
{
        const cJSON *item;

        cJSON_ArrayForEach(item, list) {
                const char *its = name_of(item);
                if (its && streq(its, name))
                        return item;
        }

        return NULL;
}

static void print_side(Diff *diff, char sign, const char *path, const char *value)
{
        const char *colour = sign == '+' ? "\x1b[32m" : "\x1b[31m";

        _cleanup_(freep) char *line = NULL;

        if (asprintf(&line, "%c %s: %s", sign, path, value) < 0) {
                line = NULL;
                diff->error = -ENOMEM;
                return;
        }

        (void) utf8_sanitize(line);
        if (printf("%s%s%s\n", diff->ctl->colour ? colour : "", line, diff->ctl->colour ? "\x1b[0m" : "") <
            0)
                diff->error = -errno;
}

static bool is_time(const char *path, const cJSON *value)
{
        static const char *const times[] = { "issued_at", "expires_at", "not_after" };

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                if (endswith(path, times[i]))
                        return cJSON_IsNumber(value);

        return false;
}

/* As it is signed; for a person a time is a date. */
static int format_value(const Diff *diff, const char *path, const cJSON *value, char **ret_text)
{
        char moment[FIGURE_MAX];

        if (diff->json || !is_time(path, value))
                return strict_json_format(value, ret_text);

        *ret_text = strdup(format_moment(moment, (uint64_t) value->valuedouble));
        return *ret_text ? 0 : -ENOMEM;
}

/* NULL: the side does not have it. */
static void print_change(Diff *diff, const char *path, const cJSON *old, const cJSON *new)
{
        _cleanup_(freep) char *old_text = NULL, *new_text = NULL;

        int r = old ? format_value(diff, path, old, &old_text) : 0;
        if (r == 0 && new)
                r = format_value(diff, path, new, &new_text);
        if (r < 0) {
                diff->error = r;
                return;
        }

        diff->n++;
        if (diff->json) {
                json_open_object(diff->json, NULL);
                json_add_string(diff->json, "path", path);
                json_add_string(diff->json, "old", old_text);
                json_add_string(diff->json, "new", new_text);
                json_close_object(diff->json);
                return;
        }
        if (old)
                print_side(diff, '-', path, old_text);
        if (new)
                print_side(diff, '+', path, new_text);
}

/* The same member of the other side: of a named list by what names it, of an object by its key. */
static const cJSON *find_same(const cJSON *other, const cJSON *item, bool named)
{
        return named ? find_named(other, name_of(item))
                     : cJSON_GetObjectItemCaseSensitive(other, item->string);
}

static void compare_member(Diff *diff, const char *path, const cJSON *old, const cJSON *new, bool named)
{
        const cJSON *item = old ? old : new;
        char below[PATH_SIZE];

        if (named)
                (void) snprintf(below, sizeof below, "%s[%s]", path, name_of(item));
        else
                (void) snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", item->string);
        compare(diff, below, old, new);
}

static void compare_members(Diff *diff, const char *path, const cJSON *old, const cJSON *new, bool named)
{
        const cJSON *item;

        cJSON_ArrayForEach(item, old)
                compare_member(diff, path, item, find_same(new, item, named), named);
        cJSON_ArrayForEach(item, new)
                if (!find_same(old, item, named))
                        compare_member(diff, path, NULL, item, named);
}

static bool is_named_list(const cJSON *list)
{
        return cJSON_IsArray(list) && list->child && name_of(list->child);
}

static void compare(Diff *diff, const char *path, const cJSON *old, const cJSON *new)
{
        if (diff->error < 0 || (old && new &&cJSON_Compare(old, new, true)))
                return;

        if ((is_named_list(old) && (!new || !new->child || is_named_list(new))) ||
            (is_named_list(new) && (!old || !old->child)))
                compare_members(diff, path, old, new, true);
        else if (cJSON_IsObject(old) && cJSON_IsObject(new))
                compare_members(diff, path, old, new, false);
        else
                print_change(diff, path, old, new);
}

int manifest_print_changes(const Ctl *ctl, const cJSON *old, const cJSON *new, size_t *ret_n)
{
        _cleanup_(json_done) Json json = JSON_NULL;
        Diff diff = { .ctl = ctl, .json = ctl->json ? &json : NULL };

        json_open_object(&json, NULL);
        json_open_array(&json, "changes");
        compare(&diff, "", old, new);
        json_close_array(&json);
        json_close_object(&json);
        if (diff.error < 0)
                return diff.error;

        *ret_n = diff.n;
        return ctl->json ? print_json(&json) : 0;
}

void manifest_tree_drop(cJSON *tree, const char *const *keys)
{
        for (; *keys; keys++)
                cJSON_DeleteItemFromObjectCaseSensitive(tree, *keys);
}

const char *const manifest_filled_keys[] = { "epoch",      "version",     "issued_at",
                                             "expires_at", "prev_sha256", NULL };
const char *const manifest_device_keys[] = { "v", "device", "dev_pub", "dispatchers", "attesters", NULL };
