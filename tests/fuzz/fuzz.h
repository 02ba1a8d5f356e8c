/* SPDX-License-Identifier: MIT */
#pragma once

/* What a fuzz target includes. It takes any bytes, calls the parser, and aborts when something that must
 * hold does not. Each target is a row in meson.build and has its inputs in corpus/TARGET/. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What libFuzzer and replay.c call. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() that -DNDEBUG does not remove. */
#define fuzz_check(expression)                                                                              \
        ({                                                                                                  \
                if (!(expression)) {                                                                        \
                        (void) fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,            \
                                       #expression);                                                        \
                        abort();                                                                            \
                }                                                                                           \
        })
