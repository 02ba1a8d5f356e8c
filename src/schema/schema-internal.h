/* SPDX-License-Identifier: MIT */
#pragma once

/* What reading (schema.c) and writing (schema-write.c) by tables share. */

#include "schema/schema.h"

#define SCHEMA_DIGEST_SIZE 32

/* Any LIST_OF(). */
typedef LIST_OF(uint8_t) AnyList;

static inline void *schema_at(const void *object, const SchemaField *field)
{
        return (uint8_t *) object + field->offset;
}
