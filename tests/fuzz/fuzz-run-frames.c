/* SPDX-License-Identifier: MIT */
/* Frames of an agent: the same whole and byte by byte, and never longer than what was sent. */

#include "fuzz.h"
#include "proto/frames.h"

static int append(char type, Bytes payload, void *userdata)
{
        fuzz_check(payload.size <= FRAME_MAX);
        text_appendf(userdata, "%c%zu:", type, payload.size);
        text_append_bytes(userdata, payload.data, payload.size);
        return 0;
}

static int feed(Bytes bytes, size_t piece, Text *seen)
{
        _cleanup_(frames_done) Frames frames = { .n_header = 0 };
        const uint8_t *data = bytes.data;
        int r = 0;

        for (size_t at = 0; r == 0 && at < bytes.size; at += piece)
                r = frames_feed(&frames, BYTES(data + at, MIN(piece, bytes.size - at)), append, seen);

        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(text_done) Text whole = TEXT_NULL, bytewise = TEXT_NULL;

        int r = feed(BYTES(data, size), MAX(size, 1U), &whole);
        fuzz_check(feed(BYTES(data, size), 1, &bytewise) == r);
        fuzz_check(r == 0 || r == -EPROTO);
        fuzz_check(bytes_equal(BYTES(whole.data, whole.size), BYTES(bytewise.data, bytewise.size)));
        return 0;
}
