/* SPDX-License-Identifier: MIT */
#pragma once

/* What parsing, formatting and freeing by tables share. */

#include "schema/schema.h"

#define SCHEMA_DIGEST_SIZE 32

/* Any LIST_OF(). */
typedef LIST_OF(uint8_t) AnyList;

static inline void *schema_at(const void *object, const SchemaField *field)
{
        return (uint8_t *) object + field->offset;
}

/* The table of the object itself, where there are several. NULL: none fits. */
static inline const Schema *schema_of_object(const Schema *schema, const void *object)
{
        while (schema && schema->variant)
                schema = schema->variant(NULL, object);

        return schema;
}
