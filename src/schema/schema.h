/* SPDX-License-Identifier: MIT */
#pragma once

/* Documents as tables: JSON to structs and back. Unknown keys, missing keys, wrong types and values out of
 * bounds reject the document. An optional key whose field has the absent value (NULL, 0, no items, all zero
 * bytes, or the row's `fallback`) is not written, so formatting a parsed document gives the same bytes. */

#include <cjson/cJSON.h>

#include "basic/bytes.h"

#define SCHEMA_INTEGER_MAX ((INT64_C(1) << 53) - 1)

typedef struct Schema Schema;

typedef enum SchemaType {
        SCHEMA_CONSTANT,  /* the integer `min`; stored nowhere; YAML may leave it out */
        SCHEMA_INTEGER,   /* int64_t, min..max */
        SCHEMA_TIMESTAMP, /* int64_t, milliseconds since 1970, 0..max; in YAML a date, or a span from now */
        SCHEMA_RANGE,     /* int64_t[2] from [low, high], min <= low <= high <= max */
        SCHEMA_BOOLEAN,   /* bool */
        SCHEMA_STRING,    /* char *, min..max bytes, `valid` if set */
        SCHEMA_NAME,      /* int, the index in `names` */
        SCHEMA_HEX,       /* uint8_t[max], exactly */
        SCHEMA_BASE64,    /* SchemaBlob, min..max bytes */
        SCHEMA_STRINGS,   /* LIST_OF(char *), min..max of up to 4096 bytes, each `valid` if set */
        SCHEMA_DIGESTS,   /* LIST_OF(32 bytes), min..max, distinct, as hexadecimal */
        SCHEMA_MAP,       /* LIST_OF(SchemaPair), min..max keys, each `valid` */
        SCHEMA_OBJECT,    /* the struct of `nested`, in place */
        SCHEMA_JSON,      /* char *, the text of an object with any content */
        SCHEMA_OBJECTS,   /* LIST_OF(struct of `nested`), min..max */
} SchemaType;

/* A list in a struct: LIST_OF(Capability) capabilities; → capabilities.items[i], capabilities.n. */
#define LIST_OF(Type)                                                                                       \
        struct {                                                                                            \
                Type *items;                                                                                \
                size_t n;                                                                                   \
        }

typedef struct SchemaBlob {
        uint8_t *data;
        size_t size;
} SchemaBlob;

typedef struct SchemaPair {
        char *key, *value;
} SchemaPair;

typedef struct SchemaField {
        const char *key;
        SchemaType type;
        bool required;
        size_t offset;
        int64_t min, max;
        int64_t fallback;                /* of INTEGER, BOOLEAN and NAME that are absent */
        bool (*valid)(const char *text); /* of STRING, STRINGS and the keys of a MAP */
        const char *const *names;        /* of NAME, ends with NULL */
        const Schema *nested;            /* of OBJECT and OBJECTS */
} SchemaField;

/* Where and why a document is rejected; `path` is such as "capabilities[2].argv[0]". */
typedef struct SchemaFault {
        char path[128];
        const char *why;
} SchemaFault;

struct Schema {
        size_t size;           /* of the struct */
        size_t max_bytes;      /* of the text; 0: only ever nested */
        const char *shorthand; /* in YAML a scalar is short for a map with this one key; or NULL */
        const SchemaField *fields;
        size_t n_fields;

        /* Rules across fields; returns NULL or what is wrong. May be NULL. */
        const char *(*check)(const void *object);

        /* Selects one of several tables for the same struct: by the tree when parsing (object is NULL), by
         * the object when formatting and freeing (tree is NULL). NULL: none fits, because `no_variant`. */
        const Schema *(*variant)(const cJSON *tree, const void *object);
        const char *no_variant;

        bool tagged; /* a variant: parsing sets the int at `tag_offset` to `tag` */
        size_t tag_offset;
        int tag;
};

#define SCHEMA_TABLE(table) .fields = (table), .n_fields = ELEMENTSOF(table)

/* Parses the text of an object, or binds a tree from another source, such as YAML. `ret_fault` may be NULL
 * and is set with DEVBOX_ERROR_BAD_SCHEMA only. Errors: DEVBOX_ERROR_BAD_SCHEMA, -ENOMEM. */
int schema_parse(const Schema *schema, Bytes text, void **ret_object, SchemaFault *ret_fault);
int schema_bind(const Schema *schema, const cJSON *tree, void **ret_object, SchemaFault *ret_fault);

/* The text, without whitespace, in the order of the table; the caller frees it. Objects that could not be
 * parsed again are rejected. Errors: DEVBOX_ERROR_BAD_SCHEMA, then with the fault; -ENOMEM. */
int schema_format(const Schema *schema, const void *object, char **ret_text, SchemaFault *ret_fault);
int schema_build(const Schema *schema, const void *object, cJSON **ret_tree, SchemaFault *ret_fault);

/* Frees what the fields own, then the object. Accepts NULL. Only for parsed objects. */
void *schema_free(const Schema *schema, void *object);

/* Defines name_parse(), _format(), _free() and its cleanup for `const Schema name_schema`. */
#define DEFINE_DOCUMENT(Type, name)                                                                         \
        static inline _unused_ int name##_parse(Bytes text, Type **ret, SchemaFault *ret_fault)             \
        {                                                                                                   \
                return schema_parse(&name##_schema, text, (void **) ret, ret_fault);                        \
        }                                                                                                   \
        static inline _unused_ int name##_format(const Type *it, char **ret_text, SchemaFault *ret_fault)   \
        {                                                                                                   \
                return schema_format(&name##_schema, it, ret_text, ret_fault);                              \
        }                                                                                                   \
        static inline _unused_ Type *name##_free(Type *object)                                              \
        {                                                                                                   \
                return schema_free(&name##_schema, object);                                                 \
        }                                                                                                   \
        DEFINE_CLEANUP(Type, name##_free)
