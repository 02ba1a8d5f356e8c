/* SPDX-License-Identifier: MIT */
/* QR codes in half blocks, by libqrencode. */

#include "ctl/hub/qr-code.h"

#include <qrencode.h>

#define WHITE_ON_BLACK "\x1b[97;40m"
#define RESET          "\x1b[0m"

DEFINE_CLEANUP(QRcode, QRcode_free);

/* Light modules around the code: 4 by ISO/IEC 18004, 5.3.8; readers do with 2, and a long invitation needs
 * the columns. */
static int quiet_zone(int width)
{
        return width + 2 * 4 <= QR_CODE_COLUMNS_MAX ? 4 : 2;
}

static bool is_light(const QRcode *code, int x, int y)
{
        bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;

        return !inside || !(code->data[y * code->width + x] & 1);
}

static void append_line(const QRcode *code, int y, bool colour, Text *text)
{
        static const char *const blocks[] = { " ", "▄", "▀", "█" };
        int quiet = quiet_zone(code->width);

        text_append(text, colour ? WHITE_ON_BLACK : "");
        for (int x = -quiet; x < code->width + quiet; x++)
                text_append(text, blocks[2 * is_light(code, x, y) + is_light(code, x, y + 1)]);
        text_append(text, colour ? RESET "\n" : "\n");
}

int qr_code_format(const char *content, bool colour, Text *text)
{
        _cleanup_(QRcode_freep) QRcode *code = QRcode_encodeString8bit(content, 0, QR_ECLEVEL_L);

        if (!code)
                return errno == ERANGE ? -EFBIG : -ENOMEM;

        int quiet = quiet_zone(code->width);
        if (code->width + 2 * quiet > QR_CODE_COLUMNS_MAX)
                return -EFBIG;
        for (int y = -quiet; y < code->width + quiet; y += 2)
                append_line(code, y, colour, text);

        return text->error;
}
