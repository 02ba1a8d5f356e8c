/* SPDX-License-Identifier: MIT */
/* Formats structs as JSON by tables. */

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "schema/schema-internal.h"

static int build_object(const Schema *schema, const void *object, cJSON **ret_tree);

static bool is_zero(const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (bytes[i] != 0)
                        return false;

        return true;
}

/* Whether the field has the value of a missing key. */
static bool is_absent(const SchemaField *field, const void *object)
{
        const void *at = schema_at(object, field);

        switch (field->type) {
        case SCHEMA_CONSTANT:
                return false;
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                return *(const int64_t *) at == field->fallback;
        case SCHEMA_BOOLEAN:
                return *(const bool *) at == (field->fallback != 0);
        case SCHEMA_NAME:
                return *(const int *) at == field->fallback;
        case SCHEMA_RANGE:
                return is_zero(at, 2 * sizeof(int64_t));
        case SCHEMA_STRING:
        case SCHEMA_JSON:
                return !*(char *const *) at;
        case SCHEMA_HEX:
                return is_zero(at, (size_t) field->max);
        case SCHEMA_BASE64:
                return ((const SchemaBlob *) at)->size == 0;
        case SCHEMA_MAP:
        case SCHEMA_STRINGS:
        case SCHEMA_DIGESTS:
        case SCHEMA_OBJECTS:
                return ((const AnyList *) at)->n == 0;
        case SCHEMA_OBJECT: {
                const Schema *nested = schema_of_object(field->nested, at);

                for (size_t i = 0; nested && i < nested->n_fields; i++)
                        if (!is_absent(&nested->fields[i], at))
                                return false;
                return true;
        }
        }

        assert(false);
        return true;
}

static cJSON *build_hex(const uint8_t *bytes, size_t size)
{
        char text[HEX_SIZE(256)];

        assert(size <= 256);
        hex_format(BYTES(bytes, size), text);
        return cJSON_CreateString(text);
}

static cJSON *build_base64(const SchemaBlob *blob)
{
        _cleanup_(freep) char *text = malloc(BASE64_SIZE(blob->size));
        if (!text)
                return NULL;

        base64_format(BYTES(blob->data, blob->size), text);
        return cJSON_CreateString(text);
}

static cJSON *build_range(const int64_t *range)
{
        return cJSON_CreateDoubleArray((double[]){ (double) range[0], (double) range[1] }, 2);
}

static int build_json(const char *text, cJSON **ret_item)
{
        int r = strict_json_parse(bytes_of_string(strempty(text)), SIZE_MAX, ret_item, NULL);

        return r < 0 && r != -ENOMEM ? DEVBOX_ERROR_BAD_SCHEMA : r;
}

static int build_map(const AnyList *list, cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *map = cJSON_CreateObject();
        const SchemaPair *pairs = (const void *) list->items;

        if (!map)
                return -ENOMEM;

        for (size_t i = 0; i < list->n; i++) {
                if (cJSON_GetObjectItemCaseSensitive(map, pairs[i].key))
                        return DEVBOX_ERROR_BAD_SCHEMA;
                if (!cJSON_AddStringToObject(map, pairs[i].key, pairs[i].value))
                        return -ENOMEM;
        }

        *ret_item = TAKE_PTR(map);
        return 0;
}

static int build_element(const SchemaField *field, const AnyList *list, size_t i, cJSON **ret_item)
{
        if (field->type == SCHEMA_OBJECTS)
                return build_object(field->nested, list->items + i * field->nested->size, ret_item);

        *ret_item = field->type == SCHEMA_STRINGS
                            ? cJSON_CreateString(((char *const *) (void *) list->items)[i])
                            : build_hex(list->items + i * SCHEMA_DIGEST_SIZE, SCHEMA_DIGEST_SIZE);
        return 0;
}

static int build_list(const SchemaField *field, const AnyList *list, cJSON **ret_item)
{
        _cleanup_(json_deletep) cJSON *array = cJSON_CreateArray();

        if (!array)
                return -ENOMEM;

        for (size_t i = 0; i < list->n; i++) {
                cJSON *item = NULL;

                int r = build_element(field, list, i, &item);
                if (r != 0)
                        return r;
                if (!item || !cJSON_AddItemToArray(array, item))
                        return -ENOMEM;
        }

        *ret_item = TAKE_PTR(array);
        return 0;
}

static const char *name_of(const SchemaField *field, int value)
{
        int n = 0;

        while (field->names[n])
                n++;
        return value >= 0 && value < n ? field->names[value] : "";
}

static int build_field(const SchemaField *field, const void *at, cJSON **ret_item)
{
        switch (field->type) {
        case SCHEMA_CONSTANT:
                *ret_item = cJSON_CreateNumber((double) field->min);
                return 0;
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                *ret_item = cJSON_CreateNumber((double) *(const int64_t *) at);
                return 0;
        case SCHEMA_RANGE:
                *ret_item = build_range(at);
                return 0;
        case SCHEMA_BOOLEAN:
                *ret_item = cJSON_CreateBool(*(const bool *) at);
                return 0;
        case SCHEMA_STRING:
                *ret_item = cJSON_CreateString(strempty(*(char *const *) at));
                return 0;
        case SCHEMA_NAME:
                *ret_item = cJSON_CreateString(name_of(field, *(const int *) at));
                return 0;
        case SCHEMA_HEX:
                *ret_item = build_hex(at, (size_t) field->max);
                return 0;
        case SCHEMA_BASE64:
                *ret_item = build_base64(at);
                return 0;
        case SCHEMA_MAP:
                return build_map(at, ret_item);
        case SCHEMA_STRINGS:
        case SCHEMA_DIGESTS:
        case SCHEMA_OBJECTS:
                return build_list(field, at, ret_item);
        case SCHEMA_OBJECT:
                return build_object(field->nested, at, ret_item);
        case SCHEMA_JSON:
                return build_json(*(char *const *) at, ret_item);
        }

        return DEVBOX_ERROR_BAD_SCHEMA;
}

static int build_object(const Schema *schema, const void *object, cJSON **ret_tree)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;

        schema = schema_of_object(schema, object);
        if (!schema)
                return DEVBOX_ERROR_BAD_SCHEMA;

        tree = cJSON_CreateObject();
        if (!tree)
                return -ENOMEM;

        for (size_t i = 0; i < schema->n_fields; i++) {
                const SchemaField *field = &schema->fields[i];
                cJSON *item = NULL;

                if (!field->required && is_absent(field, object))
                        continue;

                int r = build_field(field, schema_at(object, field), &item);
                if (r != 0)
                        return r;
                if (!item || !cJSON_AddItemToObjectCS(tree, field->key, item))
                        return -ENOMEM;
        }

        *ret_tree = TAKE_PTR(tree);
        return 0;
}

int schema_build(const Schema *schema, const void *object, cJSON **ret_tree, SchemaFault *ret_fault)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;
        void *again;

        int r = build_object(schema, object, &tree);
        if (r > 0 && ret_fault)
                *ret_fault = (SchemaFault){ .why = "has a part that no table fits" };
        if (r != 0)
                return r;

        /* The parser has the rules, so it checks them. */
        r = schema_bind(schema, tree, &again, ret_fault);
        if (r != 0)
                return r;

        schema_free(schema, again);
        *ret_tree = TAKE_PTR(tree);
        return 0;
}

int schema_format(const Schema *schema, const void *object, char **ret_text, SchemaFault *ret_fault)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;

        int r = schema_build(schema, object, &tree, ret_fault);
        if (r != 0)
                return r;

        char *text;
        r = strict_json_format(tree, &text);
        if (r == -EBADMSG) {
                if (ret_fault)
                        *ret_fault = (SchemaFault){ .why = "is nested too deeply" };
                return DEVBOX_ERROR_BAD_SCHEMA;
        }
        if (r < 0)
                return r;
        if (schema->max_bytes > 0 && strlen(text) > schema->max_bytes) {
                free(text);
                if (ret_fault)
                        *ret_fault = (SchemaFault){ .why = "is larger than allowed" };
                return DEVBOX_ERROR_BAD_SCHEMA;
        }

        *ret_text = text;
        return 0;
}
