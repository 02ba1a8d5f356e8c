/* SPDX-License-Identifier: MIT */
/* JSON text, written front to back. Source: RFC 8259. */

#include "codec/json.h"

#include <inttypes.h>
#include <math.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The length of the UTF-8 sequence at `at`, 0 if there is none: no overlong forms, no surrogates, nothing
 * above U+10FFFF. Stops at the terminating NUL, which is no continuation byte. Source: RFC 3629, section 4.
 */
static size_t utf8_length(const unsigned char *at)
{
        unsigned char low = 0x80, high = 0xbf; /* of the second byte */
        size_t length;

        if (at[0] < 0x80)
                return 1;

        if (at[0] >= 0xc2 && at[0] <= 0xdf)
                length = 2;
        else if (at[0] >= 0xe0 && at[0] <= 0xef)
                length = 3;
        else if (at[0] >= 0xf0 && at[0] <= 0xf4)
                length = 4;
        else
                return 0;

        switch (at[0]) {
        case 0xe0:
                low = 0xa0;
                break;
        case 0xed:
                high = 0x9f;
                break;
        case 0xf0:
                low = 0x90;
                break;
        case 0xf4:
                high = 0x8f;
                break;
        }

        if (at[1] < low || at[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;

        return length;
}

static void append_escape(Text *text, unsigned char byte)
{
        static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

        if (byte < sizeof letters && letters[byte])
                text_append_bytes(text, (char[]){ '\\', letters[byte] }, 2);
        else
                text_appendf(text, "\\u%04x", byte);
}

static void append_string(Text *text, const char *value)
{
        const unsigned char *at = (const unsigned char *) value, *plain = at;

        text_append(text, "\"");
        while (*at) {
                size_t length = utf8_length(at);
                bool escape = *at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f;

                if (length > 0 && !escape) {
                        at += length;
                        continue;
                }

                text_append_bytes(text, plain, (size_t) (at - plain));
                if (length > 0)
                        append_escape(text, *at);
                else
                        text_append(text, REPLACEMENT);
                plain = ++at;
        }
        text_append_bytes(text, plain, (size_t) (at - plain));
        text_append(text, "\"");
}

/* What stands before every value: the comma and the key. */
static void begin_value(Json *json, const char *key)
{
        if (json->follows)
                text_append(&json->text, ",");
        json->follows = true;

        if (key) {
                append_string(&json->text, key);
                text_append(&json->text, ":");
        }
}

static void open_container(Json *json, const char *key, const char *bracket)
{
        begin_value(json, key);
        text_append(&json->text, bracket);
        json->depth++;
        json->follows = false;
}

static void close_container(Json *json, const char *bracket)
{
        assert(json->depth > 0);

        text_append(&json->text, bracket);
        json->depth--;
        json->follows = true;
}

void json_done(Json *json)
{
        text_done(&json->text);
        *json = JSON_NULL;
}

void json_open_object(Json *json, const char *key)
{
        open_container(json, key, "{");
}

void json_close_object(Json *json)
{
        close_container(json, "}");
}

void json_open_array(Json *json, const char *key)
{
        open_container(json, key, "[");
}

void json_close_array(Json *json)
{
        close_container(json, "]");
}

void json_add_null(Json *json, const char *key)
{
        begin_value(json, key);
        text_append(&json->text, "null");
}

void json_add_string(Json *json, const char *key, const char *value)
{
        if (!value) {
                json_add_null(json, key);
                return;
        }

        begin_value(json, key);
        append_string(&json->text, value);
}

void json_add_bool(Json *json, const char *key, bool value)
{
        begin_value(json, key);
        text_append(&json->text, value ? "true" : "false");
}

void json_add_u64(Json *json, const char *key, uint64_t value)
{
        begin_value(json, key);
        text_appendf(&json->text, "%" PRIu64, value);
}

void json_add_decimal(Json *json, const char *key, double value, int digits)
{
        if (!isfinite(value)) {
                json_add_null(json, key);
                return;
        }

        begin_value(json, key);
        text_appendf(&json->text, "%.*f", digits, value);
}

void json_add_time(Json *json, const char *key, usec_t at_usec)
{
        time_t seconds = (time_t) (at_usec / USEC_PER_SEC);
        char date[64];
        struct tm tm;

        if (at_usec == 0 || !gmtime_r(&seconds, &tm) ||
            strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
                json_add_null(json, key);
                return;
        }

        begin_value(json, key);
        text_appendf(&json->text, "\"%s.%03uZ\"", date, (unsigned) (at_usec % USEC_PER_SEC / USEC_PER_MSEC));
}

int json_take(Json *json, char **ret_string, size_t *ret_size)
{
        assert(json->depth == 0);

        int r = text_take(&json->text, ret_string, ret_size);
        if (r < 0)
                return r;

        *json = JSON_NULL;
        return 0;
}
