/* SPDX-License-Identifier: MIT */
/* A text that grows. */

#include "basic/text.h"

#include <stdarg.h>
#include <stdio.h>

#define ROOM_MIN 64 /* so that a short text is one allocation */

/* Makes room for `more` bytes and a NUL. */
static int text_reserve(Text *text, size_t more)
{
        if (text->error < 0)
                return text->error;
        if (text->room - text->size > more)
                return 0;

        size_t room = MAX(MAX(text->room * 2, (size_t) ROOM_MIN), text->size + more + 1);
        char *grown = realloc(text->data, room);
        if (!grown)
                return text->error = -ENOMEM;

        text->data = grown;
        text->room = room;
        return 0;
}

void text_done(Text *text)
{
        free(text->data);
        *text = TEXT_NULL;
}

void text_reset(Text *text)
{
        text->size = 0;
        text->error = 0;
        if (text->data)
                text->data[0] = '\0';
}

void text_append_bytes(Text *text, const void *more, size_t size)
{
        if (text_reserve(text, size) < 0)
                return;

        if (size > 0)
                memcpy(text->data + text->size, more, size);
        text->size += size;
        text->data[text->size] = '\0';
}

void text_append(Text *text, const char *more)
{
        text_append_bytes(text, more, strlen(more));
}

void text_appendf(Text *text, const char *format, ...)
{
        va_list args;

        if (text_reserve(text, 0) < 0)
                return;

        va_start(args, format);
        int needed = vsnprintf(text->data + text->size, text->room - text->size, format, args);
        va_end(args);
        assert(needed >= 0);

        if ((size_t) needed >= text->room - text->size) {
                text->data[text->size] = '\0';
                if (text_reserve(text, (size_t) needed) < 0)
                        return;

                va_start(args, format);
                (void) vsnprintf(text->data + text->size, text->room - text->size, format, args);
                va_end(args);
        }

        text->size += (size_t) needed;
}

int text_take(Text *text, char **ret_string, size_t *ret_size)
{
        int r = text_reserve(text, 0);
        if (r < 0)
                return r;

        text->data[text->size] = '\0';
        if (ret_size)
                *ret_size = text->size;
        *ret_string = text->data;
        *text = TEXT_NULL;
        return 0;
}
