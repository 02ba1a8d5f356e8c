/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/text.h"

#define QR_CODE_COLUMNS_MAX 76

/* A QR code in half blocks, light modules as blocks, with its quiet zone: for a terminal of that many
 * columns. It holds the text: the caller wipes it. `colour` makes it white on black whatever the terminal's
 * colours are. Errors: -EFBIG it would be wider than QR_CODE_COLUMNS_MAX; -ENOMEM. */
int qr_code_format(const char *content, bool colour, Text *text);
