/* SPDX-License-Identifier: MIT */
/* Reads fixed binary layouts. */

#include "basic/byte-reader.h"

void byte_reader_take(ByteReader *reader, void *ret_bytes, size_t size)
{
        if (size > reader->left.size)
                reader->failed = true;
        if (reader->failed) {
                memset(ret_bytes, 0, size);
                return;
        }

        memcpy(ret_bytes, reader->left.data, size);
        reader->left = BYTES(reader->left.data + size, reader->left.size - size);
}

uint8_t byte_reader_take_byte(ByteReader *reader)
{
        uint8_t byte;

        byte_reader_take(reader, &byte, 1);
        return byte;
}

uint64_t byte_reader_take_be64(ByteReader *reader)
{
        uint8_t value[8];

        byte_reader_take(reader, value, sizeof value);
        return get_be64(value);
}

void byte_reader_take_text(ByteReader *reader, char *ret_text, size_t room)
{
        size_t size = byte_reader_take_byte(reader);

        if (size >= room)
                reader->failed = true;
        memset(ret_text, 0, room);
        if (!reader->failed)
                byte_reader_take(reader, ret_text, size);
        if (strlen(ret_text) != size)
                reader->failed = true;
}

bool byte_reader_is_done(const ByteReader *reader)
{
        return !reader->failed && reader->left.size == 0;
}

uint8_t *put_text(uint8_t *at, const char *text)
{
        size_t size = strlen(text);

        assert(size <= UINT8_MAX);
        *at++ = (uint8_t) size;
        return put_bytes(at, text, size);
}
