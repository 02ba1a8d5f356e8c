/* SPDX-License-Identifier: MIT */
#pragma once

/* A borrowed run of bytes, which is what gets hashed, signed and parsed; and integers in network order. */

#include <endian.h>

#include "basic/macro.h"

typedef struct Bytes {
        const uint8_t *data; /* never owned here; may be NULL if size is 0 */
        size_t size;
} Bytes;

#define BYTES_NULL           ((Bytes){ NULL, 0 })
#define BYTES(pointer, size) ((Bytes){ (const uint8_t *) (pointer), (size) })
#define BYTES_OF(object)     BYTES(&(object), sizeof(object)) /* an array or a struct without padding */

static inline Bytes bytes_of_string(const char *text)
{
        return BYTES(text, strlen(text));
}

static inline bool bytes_equal(Bytes a, Bytes b)
{
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Each writes at `at` and returns the place behind. */
static inline uint8_t *put_be16(uint8_t *at, uint16_t value)
{
        value = htobe16(value);
        return (uint8_t *) memcpy(at, &value, sizeof value) + sizeof value;
}

static inline uint8_t *put_be32(uint8_t *at, uint32_t value)
{
        value = htobe32(value);
        return (uint8_t *) memcpy(at, &value, sizeof value) + sizeof value;
}

static inline uint8_t *put_be64(uint8_t *at, uint64_t value)
{
        value = htobe64(value);
        return (uint8_t *) memcpy(at, &value, sizeof value) + sizeof value;
}

static inline uint32_t get_be32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof value);
        return be32toh(value);
}

static inline uint64_t get_be64(const uint8_t *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof value);
        return be64toh(value);
}

static inline uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
        return (uint8_t *) memcpy(at, bytes, size) + size;
}
