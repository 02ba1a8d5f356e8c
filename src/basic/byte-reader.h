/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads a fixed binary layout front to back. The first failure sticks and makes all that follows zeros, so
 * that only the end needs a check: byte_reader_is_done(). */

#include "basic/bytes.h"

typedef struct ByteReader {
        Bytes left;
        bool failed;
} ByteReader;

void byte_reader_take(ByteReader *reader, void *ret_bytes, size_t size);
uint8_t byte_reader_take_byte(ByteReader *reader);
uint64_t byte_reader_take_be64(ByteReader *reader);

/* A text of 1 + n bytes, as put_text() writes it. `room` counts the terminating NUL; the rest of it is
 * zeroed. A NUL inside fails: it would make two encodings of one text. */
void byte_reader_take_text(ByteReader *reader, char *ret_text, size_t room);

/* Whether all was read and nothing is left. */
bool byte_reader_is_done(const ByteReader *reader);

/* The length in one byte, then the text of at most 255. Returns the place behind. */
uint8_t *put_text(uint8_t *at, const char *text);
