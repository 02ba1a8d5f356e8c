/* SPDX-License-Identifier: MIT */
#pragma once

/* A request's output and its end as a stream of frames, `type 1 byte, length 4 bytes big-endian, payload`:
 * the body of an agent's response (devbox-agent(8)), and what Dispatch1.Run writes to its client. */

#include "basic/bytes.h"
#include "basic/text.h"

#define FRAME_MAX (512 * 1024)

typedef struct Frames {
        uint8_t header[5];
        size_t n_header;
        size_t left; /* bytes of the payload still to come */
        Text payload;
} Frames;

/* Calls the handler for each complete frame; for those of output, O and E, for each piece of one instead, as
 * it arrives. Errors: -EPROTO a frame is longer than FRAME_MAX; -ENOMEM; that of the handler. */
typedef int (*FrameHandler)(char type, Bytes payload, void *userdata);
int frames_feed(Frames *frames, Bytes bytes, FrameHandler handler, void *userdata);

static inline void frames_done(Frames *frames)
{
        text_done(&frames->payload);
}
