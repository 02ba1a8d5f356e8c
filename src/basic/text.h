/* SPDX-License-Identifier: MIT */
#pragma once

/* A text that grows. The first failure sticks: append any number of times, check once at the end. */

#include <stddef.h>

#include "basic/macro.h"

typedef struct Text {
        char *data; /* NUL-terminated once something was appended */
        size_t size;
        size_t room;
        int error; /* 0, or -ENOMEM */
} Text;

#define TEXT_NULL ((Text){ 0 })

void text_done(Text *text);

void text_append(Text *text, const char *more);
void text_append_bytes(Text *text, const void *more, size_t size);
void text_appendf(Text *text, const char *format, ...) _printf_(2, 3);

/* Drops the content, keeps the memory and clears the error. */
void text_reset(Text *text);

/* Hands the string over (never NULL on success, even if nothing was appended) and leaves an empty text;
 * `ret_size` may be NULL. Errors: the first failure of any append. */
int text_take(Text *text, char **ret_string, size_t *ret_size) _must_check_;
