/* SPDX-License-Identifier: MIT */
#pragma once

/* The few language helpers everything else is written with: ownership, sizes, strings that may be absent. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(f)    __attribute__((cleanup(f)))
#define _printf_(a, b)  __attribute__((format(printf, a, b)))
#define _unused_        __attribute__((unused))
#define _must_check_    __attribute__((warn_unused_result))
#define _section_(name) __attribute__((section(name)))

#define ELEMENTSOF(array)               (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, in) ((type *) ((char *) (pointer) -offsetof(type, in)))

/* Of the type of `a < b ? a : b`; each argument is evaluated once. */
#define MIN(a, b) CHOOSE_ONE(a, <, b, __COUNTER__)
#define MAX(a, b) CHOOSE_ONE(a, >, b, __COUNTER__)

#define CHOOSE_ONE(a, relation, b, id) CHOOSE_UNIQUE(a, relation, b, id)
#define CHOOSE_UNIQUE(a, relation, b, id)                                                                   \
        ({                                                                                                  \
                __typeof__((a) relation(b) ? (a) : (b)) _a##id = (a), _b##id = (b);                         \
                _a##id relation _b##id ? _a##id : _b##id;                                                   \
        })

/* Hands the value over and leaves nothing behind, so that the cleanup attribute of the variable finds
 * nothing to free. */
#define TAKE(variable, nothing)                                                                             \
        ({                                                                                                  \
                __typeof__(variable) *_from = &(variable);                                                  \
                __typeof__(variable) _taken = *_from;                                                       \
                *_from = (nothing);                                                                         \
                _taken;                                                                                     \
        })
#define TAKE_PTR(pointer) TAKE(pointer, NULL)
#define TAKE_FD(fd)       TAKE(fd, -EBADF)

/* Makes `_cleanup_(name##p)` of a `type *name(type *)` that accepts NULL. */
#define DEFINE_CLEANUP(type, name)                                                                          \
        static inline void name##p(type **object)                                                           \
        {                                                                                                   \
                if (*object)                                                                                \
                        name(*object);                                                                      \
        }                                                                                                   \
        struct _need_semicolon_

static inline void freep(void *pointer)
{
        free(*(void **) pointer);
}

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline const char *strempty(const char *text)
{
        return text ? text : "";
}

static inline bool startswith(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool endswith(const char *text, const char *suffix)
{
        size_t length = strlen(text), tail = strlen(suffix);

        return length >= tail && streq(text + length - tail, suffix);
}
