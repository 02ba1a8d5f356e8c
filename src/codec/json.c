/* SPDX-License-Identifier: MIT */
/* Writes JSON. Source: RFC 8259. */

#include "codec/json.h"

#include <inttypes.h>
#include <math.h>

#include "basic/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void append_escape(Text *text, uint32_t code)
{
        static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

        if (code < sizeof letters && letters[code])
                text_append_bytes(text, (char[]){ '\\', letters[code] }, 2);
        else
                text_appendf(text, "\\u%04" PRIx32, code);
}

/* Controls of all kinds are escaped: the text may end on a terminal. */
static void append_string(Text *text, const char *value)
{
        const char *at = value, *plain = at;

        text_append(text, "\"");
        while (*at) {
                uint32_t code;
                size_t length = utf8_decode(at, SIZE_MAX, &code); /* the NUL ends any sequence */

                if (length > 0 && !utf8_is_control(code) && code != '"' && code != '\\') {
                        at += length;
                        continue;
                }

                text_append_bytes(text, plain, (size_t) (at - plain));
                if (length > 0)
                        append_escape(text, code);
                else
                        text_append(text, REPLACEMENT);
                plain = at += MAX(length, (size_t) 1);
        }
        text_append_bytes(text, plain, (size_t) (at - plain));
        text_append(text, "\"");
}

/* The comma and the key before a value. */
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

void json_add_hex(Json *json, const char *key, Bytes value)
{
        if (value.size == 0) {
                json_add_null(json, key);
                return;
        }

        begin_value(json, key);
        text_append(&json->text, "\"");
        for (size_t i = 0; i < value.size; i++)
                text_appendf(&json->text, "%02x", value.data[i]);
        text_append(&json->text, "\"");
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
