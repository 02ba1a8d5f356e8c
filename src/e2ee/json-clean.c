/* SPDX-License-Identifier: MIT */
/* Replaces what a JSON parser would stumble over. One pass over the text; no tree. */

#include "e2ee/json-clean.h"

#include <ctype.h>

#include "basic/text.h"
#include "basic/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define NUMBER_MAX  40             /* characters; 2^64 has 20 */

typedef struct Cleaner {
        Bytes rest;
        Text *clean; /* NULL: skips a value that is too deep */
        unsigned depth, depth_max;
} Cleaner;

static void emit(Cleaner *cleaner, const void *bytes, size_t size)
{
        if (cleaner->depth <= cleaner->depth_max)
                text_append_bytes(cleaner->clean, bytes, size);
}

static void pass(Cleaner *cleaner, size_t size)
{
        emit(cleaner, cleaner->rest.data, size);
        cleaner->rest = BYTES(cleaner->rest.data + size, cleaner->rest.size - size);
}

static void replace(Cleaner *cleaner, size_t size, const char *by)
{
        emit(cleaner, by, strlen(by));
        cleaner->rest = BYTES(cleaner->rest.data + size, cleaner->rest.size - size);
}

/* The code unit of an escape "\uXXXX" at the start, or -1. */
static int escaped_unit(Bytes text)
{
        char digits[5] = "";

        if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u')
                return -1;
        for (size_t i = 0; i < 4; i++) {
                if (!isxdigit(text.data[2 + i]))
                        return -1;
                digits[i] = (char) text.data[2 + i];
        }

        return (int) strtol(digits, NULL, 16);
}

static void clean_escape(Cleaner *cleaner)
{
        int unit = escaped_unit(cleaner->rest);

        if (unit < 0)
                pass(cleaner, MIN(cleaner->rest.size, (size_t) 2));
        else if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
                replace(cleaner, 6, REPLACEMENT);
        else if (unit >= 0xd800 && unit <= 0xdbff) {
                int low = escaped_unit(BYTES(cleaner->rest.data + 6, cleaner->rest.size - 6));

                if (low >= 0xdc00 && low <= 0xdfff)
                        pass(cleaner, 12);
                else
                        replace(cleaner, 6, REPLACEMENT);
        } else
                pass(cleaner, 6);
}

/* One character of a string, which may be its end: returns false then. */
static bool clean_character(Cleaner *cleaner)
{
        uint32_t code;
        size_t size;

        switch (cleaner->rest.data[0]) {
        case '"':
                pass(cleaner, 1);
                return false;
        case '\\':
                clean_escape(cleaner);
                return true;
        case '\0':
                replace(cleaner, 1, REPLACEMENT);
                return true;
        default:
                size = utf8_decode(cleaner->rest.data, cleaner->rest.size, &code);
                if (size > 0)
                        pass(cleaner, size);
                else
                        replace(cleaner, 1, REPLACEMENT);
                return true;
        }
}

static void clean_number(Cleaner *cleaner)
{
        size_t size = 0;

        while (size < cleaner->rest.size && strchr("+-.eE0123456789", cleaner->rest.data[size]) &&
               cleaner->rest.data[size] != '\0')
                size++;

        if (size > NUMBER_MAX)
                replace(cleaner, size, "null");
        else
                pass(cleaner, size);
}

/* Between strings. A value too deep is written as null where it opens and then skipped to where it closes.
 */
static void clean_token(Cleaner *cleaner)
{
        uint8_t c = cleaner->rest.data[0];

        if (c == '{' || c == '[') {
                if (cleaner->depth == cleaner->depth_max)
                        emit(cleaner, "null", 4);
                cleaner->depth++;
                pass(cleaner, 1);
        } else if ((c == '}' || c == ']') && cleaner->depth > 0) {
                pass(cleaner, 1);
                cleaner->depth--;
        } else if (c == '-' || isdigit(c))
                clean_number(cleaner);
        else
                pass(cleaner, 1);
}

int json_clean(Bytes text, unsigned depth_max, char **ret_clean, size_t *ret_size)
{
        Text clean = TEXT_NULL;
        Cleaner cleaner = { .rest = text, .clean = &clean, .depth_max = depth_max };
        bool in_string = false;

        while (cleaner.rest.size > 0)
                if (in_string)
                        in_string = clean_character(&cleaner);
                else {
                        in_string = cleaner.rest.data[0] == '"';
                        clean_token(&cleaner);
                }

        return text_take(&clean, ret_clean, ret_size);
}
