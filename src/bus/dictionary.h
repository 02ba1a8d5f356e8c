/* SPDX-License-Identifier: MIT */
#pragma once

/* Structs as D-Bus dictionaries a{sv}: one table of fields is both the writer and the reader. */

#include <systemd/sd-bus.h>

#include "basic/bytes.h"

/* The type on the bus and the type of the member. What is borrowed is valid as long as the message. */
typedef enum BusType {
        BUS_STRING, /* s: char *, owned by the struct; NULL is written as "" */
        BUS_TEXT,   /* s: const char *, borrowed */
        BUS_BOOL,   /* b: bool */
        BUS_INT32,  /* i: int32_t */
        BUS_UINT64, /* t: uint64_t */
        BUS_COUNT,  /* t: int64_t from 0 to 2^53 − 1, the integers that JSON keeps exact */
        BUS_DOUBLE, /* d: double */
        BUS_BYTES,  /* ay: Bytes, borrowed */
        BUS_ARRAY,  /* ay: uint8_t[size] */
        BUS_ROWS,   /* aa{sv}: an array of structs inside the struct, and its size_t length */
        BUS_TEXTS,  /* as: const char *[BUS_TEXTS_MAX], borrowed, and its size_t length */
} BusType;

#define BUS_TEXTS_MAX 16

typedef enum BusFieldFlags {
        BUS_REQUIRED = 1 << 0, /* reading a dictionary without it fails */
        BUS_OPTIONAL =
                1 << 1, /* not written if it is a NULL or empty string, no bytes, or a BUS_UINT64 of 0 */
        BUS_IF_KNOWN = 1 << 2, /* not written if it is a BUS_UINT64 of UINT64_MAX, or not a number */
} BusFieldFlags;

typedef struct BusRows BusRows;

typedef struct BusField {
        const char *key;
        BusType type;
        size_t offset;
        BusFieldFlags flags;
        size_t size;         /* BUS_ARRAY: in bytes; BUS_ROWS, BUS_TEXTS: the offset of the length */
        const BusRows *rows; /* BUS_ROWS */
} BusField;

typedef struct BusDictionary {
        const BusField *fields;
        size_t n_fields; /* at most 64; those without a key are skipped */
        bool strict; /* reading rejects unknown and repeated keys; otherwise it skips the unknown, and the
                        last of a repeated key counts */
        size_t field_size; /* in bytes, of wider rows that contain a BusField; 0: of a BusField */
} BusDictionary;

struct BusRows {
        const BusDictionary *row;
        size_t row_size; /* in bytes */
        size_t max;      /* rows that the array has room for */
};

/* Rows of the table: of a member of `in`, with flags and the size of an array where needed; of its rows. */
#define BUS_FIELD(key, type, in, member, ...)                                                               \
        {                                                                                                   \
                key, type, offsetof(in, member), __VA_ARGS__                                                \
        }
#define BUS_FIELD_ROWS(key, rows, in, array, n)                                                             \
        {                                                                                                   \
                key, BUS_ROWS, offsetof(in, array), 0, offsetof(in, n), rows                                \
        }
#define BUS_FIELD_TEXTS(key, in, array, n)                                                                  \
        {                                                                                                   \
                key, BUS_TEXTS, offsetof(in, array), 0, offsetof(in, n)                                     \
        }

#define BUS_DICTIONARY(table)                                                                               \
        {                                                                                                   \
                .fields = (table), .n_fields = ELEMENTSOF(table)                                            \
        }
#define BUS_DICTIONARY_STRICT(table)                                                                        \
        {                                                                                                   \
                .fields = (table), .n_fields = ELEMENTSOF(table), .strict = true                            \
        }

/* Of a table whose rows contain a BusField as `member`. */
#define BUS_DICTIONARY_OF(table, member)                                                                    \
        {                                                                                                   \
                .fields = &(table)[0].member, .n_fields = ELEMENTSOF(table), .field_size = sizeof(*(table)) \
        }

/* Appends one a{sv}. Errors: those of sd-bus. */
int bus_dictionary_append(sd_bus_message *message, const BusDictionary *dictionary, const void *object);

/* Reads one a{sv}. Members without a key in the message keep their value. Errors: -EBADMSG another type, a
 * value out of range, more rows than there is room for, a required or (strict) an unknown key; -ENOMEM.
 * After an error the strings read so far are in the object, for the caller to free. */
int bus_dictionary_read(sd_bus_message *message, const BusDictionary *dictionary, void *object);

/* The same for one aa{sv}. Reading appends to the `*n` rows that are there; a row is counted before it is
 * read, so that freeing `*n` rows frees everything. Room in the array is zeroed by the caller. */
int bus_rows_append(sd_bus_message *message, const BusRows *rows, const void *array, size_t n);
int bus_rows_read(sd_bus_message *message, const BusRows *rows, void *array, size_t *n);

/* The same into a new array, zeroed before it is read; on an error as well the caller frees it with its
 * `*ret_n` rows. */
int bus_rows_read_new(sd_bus_message *message, const BusRows *rows, void **ret_array, size_t *ret_n);

/* Replies to a method call that returns one a{sv}. Errors: those of sd-bus; then nothing was sent. */
int bus_reply_dictionary(sd_bus_message *call, const BusDictionary *dictionary, const void *object);

/* The same for one aa{sv}: begins a reply to which the rows are appended, and sends it, if `r`, the result
 * of that, is no error; else it returns `r`. */
int bus_reply_rows_begin(sd_bus_message *call, sd_bus_message **ret_reply);
int bus_reply_rows_send(int r, sd_bus_message *reply);

/* Reads one ay of exactly this size. Errors: -EBADMSG another size; those of sd-bus. */
int bus_array_read(sd_bus_message *message, void *ret_array, size_t size);
