/* SPDX-License-Identifier: MIT */
/* Replaces what a JSON parser would stumble over. One pass over the text; no tree. */

#include "e2ee/json-clean.h"

#include <ctype.h>

#include "basic/text.h"
#include "basic/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define NUMBER_MAX  40             /* characters; 2^64 has 20 */
#define VALUES_MAX  2000           /* in the content of an event */

typedef struct Cleaner {
        const uint8_t *kept; /* up to `rest`: not copied yet */
        Bytes rest;
        Text *clean;
        unsigned depth, depth_max;

        /* The content of an event; depth 0: in none. */
        unsigned content_depth;
        size_t content_at; /* in `clean` */
        size_t n_values;
} Cleaner;

static void pass(Cleaner *cleaner, size_t size)
{
        cleaner->rest = BYTES(cleaner->rest.data + size, cleaner->rest.size - size);
}

/* Copies what is kept, but nothing of a value that is too deep. */
static void flush(Cleaner *cleaner)
{
        if (cleaner->depth <= cleaner->depth_max)
                text_append_bytes(cleaner->clean, cleaner->kept,
                                  (size_t) (cleaner->rest.data - cleaner->kept));
        cleaner->kept = cleaner->rest.data;
}

static void replace(Cleaner *cleaner, size_t size, const char *by)
{
        flush(cleaner);
        if (cleaner->depth <= cleaner->depth_max)
                text_append(cleaner->clean, by);
        pass(cleaner, size);
        cleaner->kept = cleaner->rest.data;
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

/* How many characters from here on are ASCII, and only themselves in a string. */
static size_t plain_length(Bytes text)
{
        size_t length = 0;

        while (length < text.size && text.data[length] != '"' && text.data[length] != '\\' &&
               text.data[length] != '\0' && text.data[length] < 0x80)
                length++;
        return length;
}

/* Some characters of a string, or its end: returns false then. */
static bool clean_characters(Cleaner *cleaner)
{
        size_t size = plain_length(cleaner->rest);
        uint32_t code;

        if (size > 0) {
                pass(cleaner, size);
                return true;
        }
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

/* ---- contents of events */

/* Whether the value that begins here is the member "content", or one whose name ends so. */
static bool is_content(const Cleaner *cleaner, const uint8_t *begin)
{
        static const char name[] = "content\"";
        const uint8_t *at = cleaner->rest.data;

        while (at > begin && isspace(at[-1]))
                at--;
        if (at == begin || *--at != ':')
                return false;
        while (at > begin && isspace(at[-1]))
                at--;
        return (size_t) (at - begin) >= strlen(name) && memcmp(at - strlen(name), name, strlen(name)) == 0;
}

static void begin_content(Cleaner *cleaner, const uint8_t *begin)
{
        if (cleaner->content_depth > 0 || cleaner->depth == cleaner->depth_max ||
            !is_content(cleaner, begin))
                return;
        cleaner->content_depth = cleaner->depth + 1;
        cleaner->content_at = cleaner->clean->size + (size_t) (cleaner->rest.data - cleaner->kept);
        cleaner->n_values = 0;
}

/* Behind its end. Anyone can send an event, and a parser needs fifty times the memory of "0,": a content of
 * too many values becomes null. */
static void end_content(Cleaner *cleaner)
{
        cleaner->content_depth = 0;
        if (cleaner->n_values <= VALUES_MAX)
                return;
        flush(cleaner);
        if (cleaner->clean->error < 0)
                return;
        cleaner->clean->size = cleaner->content_at;
        text_append(cleaner->clean, "null");
}

/* Between strings. A value too deep is written as null where it opens and then skipped to where it closes.
 */
static void clean_token(Cleaner *cleaner, const uint8_t *begin)
{
        uint8_t c = cleaner->rest.data[0];

        cleaner->n_values += c == ',' || c == '{' || c == '[';
        if (c == '{' || c == '[') {
                begin_content(cleaner, begin);
                if (cleaner->depth == cleaner->depth_max)
                        replace(cleaner, 0, "null");
                cleaner->depth++;
                pass(cleaner, 1);
        } else if ((c == '}' || c == ']') && cleaner->depth > 0) {
                pass(cleaner, 1);
                if (cleaner->depth == cleaner->depth_max + 1)
                        flush(cleaner);
                if (cleaner->depth == cleaner->content_depth)
                        end_content(cleaner);
                cleaner->depth--;
        } else if (c == '-' || isdigit(c))
                clean_number(cleaner);
        else
                pass(cleaner, 1);
}

int json_clean(Bytes text, unsigned depth_max, char **ret_clean, size_t *ret_size)
{
        Text clean = TEXT_NULL;
        Cleaner cleaner = { .kept = text.data, .rest = text, .clean = &clean, .depth_max = depth_max };
        bool in_string = false;

        while (cleaner.rest.size > 0)
                if (in_string)
                        in_string = clean_characters(&cleaner);
                else {
                        in_string = cleaner.rest.data[0] == '"';
                        clean_token(&cleaner, text.data);
                }

        flush(&cleaner);
        return text_take(&clean, ret_clean, ret_size);
}
