/* SPDX-License-Identifier: MIT */
/* Serialises the strict JSON profile of signed documents. */

#include "codec/strict-json.h"

#include <inttypes.h>

#include "basic/text.h"
#include "basic/utf8.h"

bool strict_json_text_valid(const char *text)
{
        for (size_t n; *text != '\0'; text += n) {
                uint32_t code;

                n = utf8_decode(text, SIZE_MAX, &code); /* the NUL ends any sequence */
                if (n == 0 || utf8_is_control(code))
                        return false;
        }

        return true;
}

static int write_value(Text *text, const cJSON *value, unsigned depth);

static int write_string(Text *text, const char *string)
{
        if (!strict_json_text_valid(string))
                return -EBADMSG;

        text_append(text, "\"");
        for (size_t n; *string != '\0'; string += n) {
                n = strcspn(string, "\"\\");
                text_append_bytes(text, string, n);
                if (string[n] != '\0')
                        text_appendf(text, "\\%c", string[n++]);
        }
        text_append(text, "\"");
        return 0;
}

static int write_integer(Text *text, double value)
{
        if (!(value >= -(double) STRICT_JSON_INTEGER && value <= (double) STRICT_JSON_INTEGER) ||
            (double) (int64_t) value != value)
                return -EBADMSG;

        text_appendf(text, "%" PRId64, (int64_t) value);
        return 0;
}

static int write_container(Text *text, const cJSON *container, unsigned depth)
{
        bool is_object = cJSON_IsObject(container);
        const cJSON *child;

        if (depth > STRICT_JSON_DEPTH)
                return -EBADMSG;

        text_append(text, is_object ? "{" : "[");
        cJSON_ArrayForEach(child, container) {
                int r = 0;

                if (child != container->child)
                        text_append(text, ",");
                if (is_object) {
                        r = write_string(text, child->string);
                        text_append(text, ":");
                }
                if (r == 0)
                        r = write_value(text, child, depth);
                if (r < 0)
                        return r;
        }
        text_append(text, is_object ? "}" : "]");
        return 0;
}

static int write_value(Text *text, const cJSON *value, unsigned depth)
{
        if (cJSON_IsObject(value) || cJSON_IsArray(value))
                return write_container(text, value, depth + 1);
        if (cJSON_IsString(value))
                return write_string(text, value->valuestring);
        if (cJSON_IsNumber(value))
                return write_integer(text, value->valuedouble);
        if (!cJSON_IsBool(value) && !cJSON_IsNull(value))
                return -EBADMSG;

        text_append(text, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
        return 0;
}

int strict_json_format(const cJSON *tree, char **ret_text)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        int r = write_value(&text, tree, 0);
        if (r < 0)
                return r;

        return text_take(&text, ret_text, NULL);
}
