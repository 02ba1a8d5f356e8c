/* SPDX-License-Identifier: MIT */
/* Reading, building and looking into trees of cJSON. */

#include "e2ee/json.h"

#include <math.h>
#include <stdarg.h>

#include "e2ee/json-clean.h"

int matrix_json_parse(Bytes text, size_t max, cJSON **ret_tree)
{
        _cleanup_(freep) char *clean = NULL;
        size_t size;

        if (text.size > max)
                return -EFBIG;

        int r = json_clean(text, MATRIX_JSON_DEPTH, &clean, &size);
        if (r < 0)
                return r;

        const char *end = NULL;
        cJSON *tree = cJSON_ParseWithLengthOpts(clean, size, &end, false);
        if (!tree)
                return -EBADMSG; /* or out of memory: cJSON does not distinguish them */
        for (; end < clean + size; end++)
                if (!strchr(" \t\r\n", *end) || *end == '\0') {
                        cJSON_Delete(tree);
                        return -EBADMSG;
                }

        *ret_tree = tree;
        return 0;
}

/* ---- members */

const cJSON *object_get(const cJSON *object, const char *key)
{
        return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

const cJSON *object_object(const cJSON *object, const char *key)
{
        const cJSON *member = object_get(object, key);

        return cJSON_IsObject(member) ? member : NULL;
}

const cJSON *object_array(const cJSON *object, const char *key)
{
        const cJSON *member = object_get(object, key);

        return cJSON_IsArray(member) ? member : NULL;
}

const char *object_string(const cJSON *object, const char *key)
{
        return cJSON_GetStringValue(object_get(object, key));
}

bool object_is_true(const cJSON *object, const char *key)
{
        return cJSON_IsTrue(object_get(object, key));
}

bool object_integer(const cJSON *object, const char *key, int64_t min, int64_t max, int64_t *ret_value)
{
        const cJSON *member = object_get(object, key);

        if (!cJSON_IsNumber(member) || fabs(member->valuedouble) > (double) MATRIX_JSON_INTEGER ||
            member->valuedouble != trunc(member->valuedouble))
                return false;

        int64_t value = (int64_t) member->valuedouble;
        if (value < min || value > max)
                return false;

        *ret_value = value;
        return true;
}

/* ---- building */

int object_put(cJSON *object, const char *key, cJSON *value)
{
        if (!value)
                return -ENOMEM;

        cJSON_DeleteItemFromObjectCaseSensitive(object, key);
        if (!cJSON_AddItemToObject(object, key, value)) {
                cJSON_Delete(value);
                return -ENOMEM;
        }
        return 0;
}

int object_put_string(cJSON *object, const char *key, const char *value)
{
        return object_put(object, key, cJSON_CreateString(value));
}

cJSON *object_enter(cJSON *object, const char *key)
{
        cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

        if (cJSON_IsObject(member))
                return member;

        member = cJSON_CreateObject();
        return object_put(object, key, member) < 0 ? NULL : member;
}

typedef struct Packer {
        const char *format;
        va_list *arguments;
        bool failed;
} Packer;

static cJSON *pack_value(Packer *packer);

static cJSON *note(Packer *packer, cJSON *value)
{
        packer->failed |= !value;
        return value;
}

/* The key before a colon: from the format, or the next argument. */
static char *pack_key(Packer *packer)
{
        if (*packer->format == '*') {
                packer->format += 2;
                return strdup(va_arg(*packer->arguments, const char *));
        }

        size_t length = strcspn(packer->format, ":");
        char *key = strndup(packer->format, length);
        packer->format += length + 1;
        return key;
}

static void pack_members(Packer *packer, cJSON *parent, char close)
{
        while (*packer->format != close) {
                _cleanup_(freep) char *key = close == '}' ? pack_key(packer) : NULL;
                cJSON *value = pack_value(packer);

                if (value && (!parent || (close == '}' && !key) ||
                              !(close == '}' ? cJSON_AddItemToObject(parent, key, value)
                                             : cJSON_AddItemToArray(parent, value)))) {
                        cJSON_Delete(value);
                        packer->failed = true;
                }
                if (*packer->format == ',')
                        packer->format++;
        }
        packer->format++;
}

static cJSON *pack_value(Packer *packer)
{
        const char *text;
        const cJSON *tree;
        cJSON *value;

        switch (*packer->format++) {
        case '{':
                value = note(packer, cJSON_CreateObject());
                pack_members(packer, value, '}');
                return value;
        case '[':
                value = note(packer, cJSON_CreateArray());
                pack_members(packer, value, ']');
                return value;
        case 's':
                text = va_arg(*packer->arguments, const char *);
                return text ? note(packer, cJSON_CreateString(text)) : NULL;
        case 'i':
                return note(packer, cJSON_CreateNumber((double) va_arg(*packer->arguments, int64_t)));
        case 'b':
                return note(packer, cJSON_CreateBool(va_arg(*packer->arguments, int)));
        case 'o':
                return va_arg(*packer->arguments, cJSON *);
        case 'c':
                tree = va_arg(*packer->arguments, const cJSON *);
                return tree ? note(packer, cJSON_Duplicate(tree, true)) : NULL;
        default:
                assert(!"a format of json_pack()");
                return NULL;
        }
}

int json_pack(cJSON **ret_tree, const char *format, ...)
{
        va_list arguments;
        Packer packer = { .format = format, .arguments = &arguments };

        va_start(arguments, format);
        cJSON *tree = pack_value(&packer);
        va_end(arguments);

        if (packer.failed) {
                cJSON_Delete(tree);
                return -ENOMEM;
        }

        *ret_tree = tree;
        return 0;
}
