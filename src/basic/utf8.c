/* SPDX-License-Identifier: MIT */
/* UTF-8. */

#include "basic/utf8.h"

size_t utf8_decode(const void *text, size_t size, uint32_t *ret_code)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* shorter forms exist below */
        const uint8_t *data = text;
        size_t length = data[0] < 0x80   ? 1
                        : data[0] < 0xc0 ? 0
                        : data[0] < 0xe0 ? 2
                        : data[0] < 0xf0 ? 3
                        : data[0] < 0xf8 ? 4
                                         : 0;
        uint32_t code;

        if (length == 0 || length > size)
                return 0;

        code = length == 1 ? data[0] : data[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
                if ((data[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (data[i] & 0x3f);
        }

        if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return 0;

        *ret_code = code;
        return length;
}

bool utf8_is_invisible(uint32_t code)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0x00ad, 0x00ad },   { 0x034f, 0x034f }, { 0x061c, 0x061c },   { 0x115f, 0x1160 },
                { 0x17b4, 0x17b5 },   { 0x180b, 0x180f }, { 0x200b, 0x200f },   { 0x2028, 0x202e },
                { 0x2060, 0x206f },   { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },
                { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
                { 0xe0000, 0xe0fff },
        };

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (code >= ranges[i].first && code <= ranges[i].last)
                        return true;

        return utf8_is_control(code);
}

bool utf8_is_visible(const char *text)
{
        while (*text) {
                uint32_t code;
                size_t length = utf8_decode(text, SIZE_MAX, &code);

                if (length == 0 || utf8_is_invisible(code))
                        return false;
                text += length;
        }

        return true;
}

size_t utf8_sanitize(char *text)
{
        size_t width = 0;

        while (*text) {
                uint32_t code = 0;
                size_t length = utf8_decode(text, SIZE_MAX, &code);
                bool unsafe = length == 0 || utf8_is_invisible(code);

                length = MAX(length, (size_t) 1);
                if (unsafe)
                        memset(text, '?', length);
                width += unsafe ? length : 1;
                text += length;
        }

        return width;
}
