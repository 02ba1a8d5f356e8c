/* SPDX-License-Identifier: MIT */
/* Makes libmicrohttpd 0.9.75 as strict as 1.0: see strict.h. */

#include "http/strict.h"

#include <microhttpd.h>

/* Source: RFC 9110 5.6.2. */
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool has_control(const char *text)
{
        for (; *text != '\0'; text++)
                if (((unsigned char) *text < ' ' && *text != '\t') || *text == 0x7f)
                        return true;

        return false;
}

/* Version 1.0 does not parse in place, and needs none of this. */
static bool parses_in_place(void)
{
        return http_strict_level() == 0;
}

static void expect(HttpStrict *strict, bool condition)
{
        strict->malformed |= !condition && parses_in_place();
}

void http_strict_begin(HttpStrict *strict, const char *method, const char *target, size_t target_size,
                       const char *version)
{
        expect(strict, target == method + strlen(method) + strlen(" "));
        expect(strict, version == target + target_size + strlen(" "));
        expect(strict, !has_control(target) && target[strcspn(target, " \t")] == '\0');
        strict->end = version + strlen(version);
}

bool http_strict_header(HttpStrict *strict, const char *name, size_t name_size, const char *value,
                        size_t value_size)
{
        const char *begin = name + name_size + strlen(":");

        expect(strict, name == strict->end + strlen("\r\n"));
        expect(strict, name_size > 0 && strspn(name, TOKEN) == name_size);
        while (begin < value && is_blank(*begin))
                begin++;
        expect(strict, value == begin && !has_control(value));
        strict->end = value + value_size;

        while (value_size > 0 && is_blank(value[value_size - 1]))
                value_size--;
        ((char *) value)[value_size] = '\0';
        return !strict->malformed;
}

bool http_strict_end(HttpStrict *strict, const char *method, size_t size)
{
        expect(strict, method + size == strict->end + strlen("\r\n\r\n"));
        return !strict->malformed;
}

int http_strict_level(void)
{
        return startswith(MHD_get_version(), "0.") ? 0 : 1;
}
