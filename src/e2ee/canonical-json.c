/* SPDX-License-Identifier: MIT */
/* Writes canonical JSON. */

#include <inttypes.h>
#include <math.h>

#include "basic/text.h"
#include "e2ee/json.h"

static void write_string(Text *text, const char *string)
{
        static const char *const escapes[] = {
                ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
                ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
        };

        text_append(text, "\"");
        while (*string) {
                size_t plain = 0;

                while ((unsigned char) string[plain] >= 0x20 && string[plain] != '"' &&
                       string[plain] != '\\')
                        plain++;
                text_append_bytes(text, string, plain);
                string += plain;
                if (!*string)
                        break;

                unsigned char c = (unsigned char) *string++;
                if (escapes[c])
                        text_append(text, escapes[c]);
                else
                        text_appendf(text, "\\u%04x", c);
        }
        text_append(text, "\"");
}

static int write_number(Text *text, double value)
{
        if (!(fabs(value) <= (double) MATRIX_JSON_INTEGER) || value != trunc(value))
                return -EBADMSG;

        text_appendf(text, "%" PRId64, (int64_t) value); /* -0 becomes 0 */
        return 0;
}

static int write_value(Text *text, const cJSON *value, bool signing, unsigned depth);

static int write_array(Text *text, const cJSON *array, unsigned depth)
{
        const cJSON *item;

        text_append(text, "[");
        cJSON_ArrayForEach(item, array) {
                if (item != array->child)
                        text_append(text, ",");
                int r = write_value(text, item, false, depth);
                if (r < 0)
                        return r;
        }
        text_append(text, "]");
        return 0;
}

/* The order of bytes in UTF-8 is that of code points. */
static int compare_keys(const void *a, const void *b)
{
        return strcmp((*(const cJSON *const *) a)->string, (*(const cJSON *const *) b)->string);
}

static int write_object(Text *text, const cJSON *object, bool signing, unsigned depth)
{
        size_t n_members = 0;
        const cJSON *member;

        cJSON_ArrayForEach(member, object)
                n_members++;
        _cleanup_(freep) const cJSON **members = calloc(n_members + 1, sizeof *members);
        if (!members)
                return -ENOMEM;

        n_members = 0;
        cJSON_ArrayForEach(member, object)
                if (!signing || (!streq(member->string, "signatures") && !streq(member->string, "unsigned")))
                        members[n_members++] = member;
        qsort(members, n_members, sizeof *members, compare_keys);

        text_append(text, "{");
        for (size_t i = 0; i < n_members; i++) {
                if (i > 0) {
                        if (streq(members[i - 1]->string, members[i]->string))
                                return -EBADMSG;
                        text_append(text, ",");
                }
                write_string(text, members[i]->string);
                text_append(text, ":");
                int r = write_value(text, members[i], false, depth);
                if (r < 0)
                        return r;
        }
        text_append(text, "}");
        return 0;
}

static int write_value(Text *text, const cJSON *value, bool signing, unsigned depth)
{
        if (depth > MATRIX_JSON_DEPTH)
                return -EBADMSG;
        if (cJSON_IsObject(value))
                return write_object(text, value, signing, depth + 1);
        if (cJSON_IsArray(value))
                return write_array(text, value, depth + 1);
        if (cJSON_IsNumber(value))
                return write_number(text, value->valuedouble);

        if (cJSON_IsString(value))
                write_string(text, value->valuestring);
        else
                text_append(text, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
        return 0;
}

int canonical_json(const cJSON *value, bool signing, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        int r = write_value(&text, value, signing, 0);
        return r < 0 ? r : text_take(&text, ret_text, NULL);
}
