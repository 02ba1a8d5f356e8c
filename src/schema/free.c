/* SPDX-License-Identifier: MIT */
/* Frees parsed structs by tables. */

#include "schema/schema-internal.h"

static void done_object(const Schema *schema, void *object);

static void done_list(const SchemaField *field, AnyList *list)
{
        for (size_t i = 0; i < list->n; i++)
                if (field->type == SCHEMA_STRINGS)
                        free(((char **) (void *) list->items)[i]);
                else if (field->type == SCHEMA_OBJECTS)
                        done_object(field->nested, list->items + i * field->nested->size);
                else if (field->type == SCHEMA_MAP) {
                        free(((SchemaPair *) (void *) list->items)[i].key);
                        free(((SchemaPair *) (void *) list->items)[i].value);
                }

        free(list->items);
}

static void done_object(const Schema *schema, void *object)
{
        schema = schema_of_object(schema, object);

        for (size_t i = 0; schema && i < schema->n_fields; i++) {
                const SchemaField *field = &schema->fields[i];
                void *at = schema_at(object, field);

                if (field->type == SCHEMA_STRING || field->type == SCHEMA_JSON)
                        free(*(char **) at);
                else if (field->type == SCHEMA_BASE64)
                        free(((SchemaBlob *) at)->data);
                else if (field->type == SCHEMA_OBJECT)
                        done_object(field->nested, at);
                else if (field->type == SCHEMA_STRINGS || field->type == SCHEMA_DIGESTS ||
                         field->type == SCHEMA_OBJECTS || field->type == SCHEMA_MAP)
                        done_list(field, at);
        }
}

void *schema_free(const Schema *schema, void *object)
{
        if (object) {
                done_object(schema, object);
                free(object);
        }

        return NULL;
}
