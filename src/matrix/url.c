/* SPDX-License-Identifier: MIT */
/* Percent-encoding. */

#include "matrix/url.h"

#include <stdarg.h>

#include "basic/text.h"

static void append_encoded(Text *target, const char *value)
{
        static const char unreserved[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

        for (; *value != '\0'; value++)
                if (strchr(unreserved, *value))
                        text_append_bytes(target, value, 1);
                else
                        text_appendf(target, "%%%02X", (unsigned char) *value);
}

int url_format(char **ret_target, const char *format, ...)
{
        _cleanup_(text_done) Text target = TEXT_NULL;
        va_list arguments;

        va_start(arguments, format);
        for (; *format != '\0'; format++)
                if (*format == '%')
                        append_encoded(&target, va_arg(arguments, const char *));
                else
                        text_append_bytes(&target, format, 1);
        va_end(arguments);
        return text_take(&target, ret_target, NULL);
}
