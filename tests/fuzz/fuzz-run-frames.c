/* SPDX-License-Identifier: MIT */
/* Frames of an agent: the same whole and byte by byte, and never longer than what was sent. Where one of two
 * frames of output ends does not matter. */

#include "fuzz.h"
#include "proto/frames.h"

typedef struct Seen {
        Text text;
        char last_type;
} Seen;

static int append(char type, Bytes payload, void *userdata)
{
        bool is_output = type == 'O' || type == 'E';
        Seen *seen = userdata;

        fuzz_check(payload.size <= FRAME_MAX);
        if (!is_output || type != seen->last_type)
                text_appendf(&seen->text, "%c%zu:", type, is_output ? 0 : payload.size);
        text_append_bytes(&seen->text, payload.data, payload.size);
        seen->last_type = type;
        return 0;
}

static int feed(Bytes bytes, size_t piece, Seen *seen)
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
        Seen whole = { .text = TEXT_NULL }, bytewise = { .text = TEXT_NULL };

        int r = feed(BYTES(data, size), MAX(size, 1U), &whole);
        fuzz_check(feed(BYTES(data, size), 1, &bytewise) == r);
        fuzz_check(r == 0 || r == -EPROTO);
        fuzz_check(bytes_equal(BYTES(whole.text.data, whole.text.size),
                               BYTES(bytewise.text.data, bytewise.text.size)));
        text_done(&whole.text);
        text_done(&bytewise.text);
        return 0;
}
