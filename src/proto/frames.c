/* SPDX-License-Identifier: MIT */
/* Reads frames from pieces of a stream. */

#include "proto/frames.h"

int frames_feed(Frames *frames, Bytes bytes, FrameHandler handler, void *userdata)
{
        for (;;) {
                size_t n = MIN(sizeof frames->header - frames->n_header, bytes.size);

                memcpy(frames->header + frames->n_header, bytes.data, n);
                frames->n_header += n;
                bytes = BYTES(bytes.data + n, bytes.size - n);
                if (frames->n_header < sizeof frames->header)
                        return 0;

                uint32_t size = get_be32(frames->header + 1);
                if (size > FRAME_MAX)
                        return -EPROTO;

                n = MIN(size - frames->payload.size, bytes.size);
                text_append_bytes(&frames->payload, bytes.data, n);
                bytes = BYTES(bytes.data + n, bytes.size - n);
                if (frames->payload.error < 0)
                        return frames->payload.error;
                if (frames->payload.size < size)
                        return 0;

                int r = handler((char) frames->header[0], BYTES(frames->payload.data, frames->payload.size),
                                userdata);
                if (r < 0)
                        return r;
                frames->n_header = 0;
                text_reset(&frames->payload);
        }
}
