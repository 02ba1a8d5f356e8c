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
