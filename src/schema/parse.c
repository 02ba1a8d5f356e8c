/* SPDX-License-Identifier: MIT */
/* Parses JSON into structs by tables. One SchemaFault is passed down; it stays empty until a value is
 * rejected, then each level prepends its own part to the path on the way up. */

#include "schema/schema.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "proto/id.h"
#include "schema/schema-internal.h"

#define TEXT_MAX 4096 /* bytes of a string in a list or a map */

static int bind_object(const Schema *schema, const cJSON *tree, void *object, SchemaFault *fault);

static int fail(SchemaFault *fault, const char *why)
{
        fault->why = why;
        return DEVBOX_ERROR_BAD_SCHEMA;
}

/* A path that is too long loses its end. */
static void prepend(SchemaFault *fault, const char *part)
{
        size_t room = sizeof fault->path - 1, length = MIN(strlen(part), room);
        size_t kept = MIN(strlen(fault->path), room - length);

        memmove(fault->path + length, fault->path, kept);
        memcpy(fault->path, part, length);
        fault->path[length + kept] = '\0';
}

/* Every key is preceded by a dot; schema_bind() drops the first. */
static int fail_key(SchemaFault *fault, const char *key)
{
        prepend(fault, key);
        prepend(fault, ".");
        return DEVBOX_ERROR_BAD_SCHEMA;
}

static int fail_element(SchemaFault *fault, size_t i)
{
        char part[32];

        (void) snprintf(part, sizeof part, "[%zu]", i);
        prepend(fault, part);
        return DEVBOX_ERROR_BAD_SCHEMA;
}

static int bind_integer(const SchemaField *field, const cJSON *item, int64_t *value, SchemaFault *fault)
{
        if (!cJSON_IsNumber(item))
                return fail(fault, "must be an integer");
        if (item->valuedouble < -(double) SCHEMA_INTEGER_MAX ||
            item->valuedouble > (double) SCHEMA_INTEGER_MAX)
                return fail(fault, "is out of range");
        if (item->valuedouble != (double) (int64_t) item->valuedouble)
                return fail(fault, "must be an integer");

        int64_t integer = (int64_t) item->valuedouble;
        int64_t max = field->type == SCHEMA_CONSTANT ? field->min : field->max;
        if (integer < field->min || integer > max)
                return fail(fault, "is out of range");

        if (value)
                *value = integer;
        return 0;
}

static int bind_range(const SchemaField *field, const cJSON *item, int64_t *range, SchemaFault *fault)
{
        if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2)
                return fail(fault, "must be [lowest, highest]");

        for (int i = 0; i < 2; i++) {
                int r = bind_integer(field, cJSON_GetArrayItem(item, i), &range[i], fault);
                if (r != 0)
                        return r;
        }

        return range[0] <= range[1] ? 0 : fail(fault, "must be [lowest, highest]");
}

static int bind_text(const cJSON *item, size_t max, bool (*valid)(const char *), char **ret_text,
                     SchemaFault *fault)
{
        if (!cJSON_IsString(item))
                return fail(fault, "must be a string");
        if (strlen(item->valuestring) > max)
                return fail(fault, "is too long");
        if (!strict_json_text_valid(item->valuestring))
                return fail(fault, "has characters that are not allowed");
        if (valid && !valid(item->valuestring))
                return fail(fault, id_form(valid) ? id_form(valid)
                                                  : "does not have the form such a name must have");

        char *copy = strdup(item->valuestring);
        if (!copy)
                return -ENOMEM;

        free(*ret_text);
        *ret_text = copy;
        return 0;
}

static int bind_string(const SchemaField *field, const cJSON *item, char **text, SchemaFault *fault)
{
        int r = bind_text(item, (size_t) field->max, field->valid, text, fault);
        if (r != 0)
                return r;

        return strlen(*text) >= (size_t) field->min ? 0 : fail(fault, "is too short");
}

static int bind_name(const SchemaField *field, const cJSON *item, int *value, SchemaFault *fault)
{
        if (cJSON_IsString(item))
                for (int i = 0; field->names[i]; i++)
                        if (streq(field->names[i], item->valuestring)) {
                                *value = i;
                                return 0;
                        }

        return fail(fault, "is not one of the allowed names");
}

static int bind_hex(const cJSON *item, uint8_t *bytes, size_t size, SchemaFault *fault)
{
        if (!cJSON_IsString(item) || hex_parse(item->valuestring, bytes, size) < 0)
                return fail(fault, "must be lower-case hexadecimal of the right length");

        return 0;
}

static int bind_base64(const SchemaField *field, const cJSON *item, SchemaBlob *blob, SchemaFault *fault)
{
        if (!cJSON_IsString(item))
                return fail(fault, "must be base64");

        int r = base64_parse(item->valuestring, (size_t) field->max, &blob->data, &blob->size);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || blob->size < (size_t) field->min)
                return fail(fault, r == -EINVAL ? "must be base64 with padding" : "has a size out of range");

        return 0;
}

static int bind_json(const cJSON *item, char **text, SchemaFault *fault)
{
        if (!cJSON_IsObject(item))
                return fail(fault, "must be an object");

        int r = strict_json_format(item, text);
        return r == -EBADMSG ? fail(fault, "has characters or numbers that are not allowed") : r;
}

/* Allocates the zeroed list for the elements of an array or object. */
static int alloc_list(const SchemaField *field, const cJSON *item, size_t size, AnyList *list,
                      SchemaFault *fault)
{
        int n = cJSON_GetArraySize(item);

        if (n == 0 && field->min > 0)
                return fail(fault, "must not be empty");
        if (n < field->min || n > field->max)
                return fail(fault, "has too few or too many items");
        if (n == 0)
                return 0;

        list->items = calloc((size_t) n, size);
        if (!list->items)
                return -ENOMEM;

        list->n = (size_t) n;
        return 0;
}

static int bind_map(const SchemaField *field, const cJSON *item, AnyList *list, SchemaFault *fault)
{
        const cJSON *member;
        size_t i = 0;

        if (!cJSON_IsObject(item))
                return fail(fault, "must be an object");

        int r = alloc_list(field, item, sizeof(SchemaPair), list, fault);
        if (r != 0)
                return r;

        cJSON_ArrayForEach(member, item) {
                SchemaPair *pair = (SchemaPair *) (void *) list->items + i++;

                if (!field->valid(member->string))
                        return fail(fault, "has a key that is not allowed here");
                r = bind_text(member, TEXT_MAX, NULL, &pair->value, fault);
                if (r != 0)
                        return r;
                pair->key = strdup(member->string);
                if (!pair->key)
                        return -ENOMEM;
        }

        return 0;
}

static int bind_element(const SchemaField *field, const cJSON *item, AnyList *list, size_t i,
                        SchemaFault *fault)
{
        if (field->type == SCHEMA_STRINGS)
                return bind_text(item, TEXT_MAX, field->valid, (char **) (void *) list->items + i, fault);
        if (field->type == SCHEMA_OBJECTS)
                return bind_object(field->nested, item, list->items + i * field->nested->size, fault);

        uint8_t *digest = list->items + i * SCHEMA_DIGEST_SIZE;
        int r = bind_hex(item, digest, SCHEMA_DIGEST_SIZE, fault);
        for (size_t j = 0; r == 0 && j < i; j++)
                if (memcmp(list->items + j * SCHEMA_DIGEST_SIZE, digest, SCHEMA_DIGEST_SIZE) == 0)
                        r = fail(fault, "occurs twice in the list");
        return r;
}

static int bind_list(const SchemaField *field, const cJSON *item, AnyList *list, SchemaFault *fault)
{
        size_t size = field->type == SCHEMA_STRINGS   ? sizeof(char *)
                      : field->type == SCHEMA_DIGESTS ? SCHEMA_DIGEST_SIZE
                                                      : field->nested->size;
        const cJSON *element;
        size_t i = 0;

        if (!cJSON_IsArray(item))
                return fail(fault, "must be a list");

        int r = alloc_list(field, item, size, list, fault);
        if (r != 0)
                return r;

        cJSON_ArrayForEach(element, item) {
                r = bind_element(field, element, list, i, fault);
                if (r != 0)
                        return r > 0 ? fail_element(fault, i) : r;
                i++;
        }

        return 0;
}

static int bind_field(const SchemaField *field, const cJSON *item, void *at, SchemaFault *fault)
{
        switch (field->type) {
        case SCHEMA_CONSTANT:
                return bind_integer(field, item, NULL, fault);
        case SCHEMA_INTEGER:
        case SCHEMA_TIMESTAMP:
                return bind_integer(field, item, at, fault);
        case SCHEMA_RANGE:
                return bind_range(field, item, at, fault);
        case SCHEMA_BOOLEAN:
                if (!cJSON_IsBool(item))
                        return fail(fault, "must be true or false");
                *(bool *) at = cJSON_IsTrue(item);
                return 0;
        case SCHEMA_STRING:
                return bind_string(field, item, at, fault);
        case SCHEMA_NAME:
                return bind_name(field, item, at, fault);
        case SCHEMA_HEX:
                return bind_hex(item, at, (size_t) field->max, fault);
        case SCHEMA_BASE64:
                return bind_base64(field, item, at, fault);
        case SCHEMA_MAP:
                return bind_map(field, item, at, fault);
        case SCHEMA_STRINGS:
        case SCHEMA_DIGESTS:
        case SCHEMA_OBJECTS:
                return bind_list(field, item, at, fault);
        case SCHEMA_OBJECT:
                return bind_object(field->nested, item, at, fault);
        case SCHEMA_JSON:
                return bind_json(item, at, fault);
        }

        assert(false);
        return -EINVAL;
}

/* Sets the value of a missing key, where that is not zero. */
static void set_absent(const SchemaField *field, void *at)
{
        if (field->type == SCHEMA_INTEGER || field->type == SCHEMA_TIMESTAMP)
                *(int64_t *) at = field->fallback;
        else if (field->type == SCHEMA_BOOLEAN)
                *(bool *) at = field->fallback != 0;
        else if (field->type == SCHEMA_NAME)
                *(int *) at = (int) field->fallback;
        else if (field->type == SCHEMA_OBJECT && !field->nested->variant)
                for (size_t i = 0; i < field->nested->n_fields; i++)
                        set_absent(&field->nested->fields[i], schema_at(at, &field->nested->fields[i]));
}

/* Text from outside never gets into a path, unless it looks like a key of ours. */
static const char *presentable(const char *key)
{
        bool plain = key && strlen(key) <= 32 &&
                     strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                             strlen(key);

        return plain ? key : "?";
}

/* The field of a key; NULL: unknown. Keys are usually in the order of the table, so the search starts at
 * `*next`, the field after the one found last. */
static const SchemaField *find_field(const Schema *schema, const char *key, size_t *next)
{
        for (size_t i = 0; i < schema->n_fields; i++) {
                size_t at = (*next + i) % schema->n_fields;

                if (streq(schema->fields[at].key, key)) {
                        *next = at + 1;
                        return &schema->fields[at];
                }
        }

        return NULL;
}

/* Sets the item of each field; NULL: missing. */
static int find_items(const Schema *schema, const cJSON *tree, const cJSON **items, SchemaFault *fault)
{
        const cJSON *member;
        size_t next = 0;

        cJSON_ArrayForEach(member, tree) {
                const SchemaField *field = find_field(schema, member->string, &next);

                if (!field) {
                        fault->why = "is an unknown key";
                        return fail_key(fault, presentable(member->string));
                }
                if (items[field - schema->fields])
                        return fail(fault, "has a key twice");
                items[field - schema->fields] = member;
        }

        return 0;
}

static int bind_object(const Schema *schema, const cJSON *tree, void *object, SchemaFault *fault)
{
        const cJSON *items[STRICT_JSON_MEMBERS] = { NULL };

        if (!cJSON_IsObject(tree))
                return fail(fault, "must be an object");

        while (schema->variant) {
                const char *why = schema->no_variant;

                schema = schema->variant(tree, NULL);
                if (!schema)
                        return fail(fault, why);
        }
        if (schema->tagged)
                *(int *) (void *) ((uint8_t *) object + schema->tag_offset) = schema->tag;

        assert(schema->n_fields <= ELEMENTSOF(items));
        int r = find_items(schema, tree, items, fault);
        if (r != 0)
                return r;

        for (size_t i = 0; i < schema->n_fields; i++) {
                const SchemaField *field = &schema->fields[i];

                if (items[i])
                        r = bind_field(field, items[i], schema_at(object, field), fault);
                else if (field->required)
                        r = fail(fault, "is missing");
                else
                        set_absent(field, schema_at(object, field));
                if (r != 0)
                        return r > 0 ? fail_key(fault, field->key) : r;
        }

        const char *why = schema->check ? schema->check(object) : NULL;
        return why ? fail(fault, why) : 0;
}

int schema_bind(const Schema *schema, const cJSON *tree, void **ret_object, SchemaFault *ret_fault)
{
        SchemaFault fault = { 0 };

        void *object = calloc(1, schema->size);
        if (!object)
                return -ENOMEM;

        int r = bind_object(schema, tree, object, &fault);
        if (r != 0) {
                schema_free(schema, object);
                if (r > 0 && ret_fault) {
                        *ret_fault = (SchemaFault){ .why = fault.why };
                        memcpy(ret_fault->path, fault.path + (*fault.path == '.'), sizeof fault.path - 1);
                }
                return r;
        }

        *ret_object = object;
        return 0;
}

int schema_parse(const Schema *schema, Bytes text, void **ret_object, SchemaFault *ret_fault)
{
        _cleanup_(json_deletep) cJSON *tree = NULL;
        JsonFault fault;

        int r = strict_json_parse(text, schema->max_bytes, &tree, &fault);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                if (ret_fault) {
                        *ret_fault = (SchemaFault){ .why = fault.why };
                        if (fault.at != SIZE_MAX)
                                (void) snprintf(ret_fault->path, sizeof ret_fault->path, "byte %zu",
                                                fault.at);
                }
                return DEVBOX_ERROR_BAD_SCHEMA;
        }

        return schema_bind(schema, tree, ret_object, ret_fault);
}
