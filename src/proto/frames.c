/* SPDX-License-Identifier: MIT */
/* Reads frames from pieces of a stream. */

#include "proto/frames.h"

/* Takes bytes from the front. */
static Bytes take(Bytes *bytes, size_t size)
{
        const Bytes taken = BYTES(bytes->data, MIN(size, bytes->size));

        *bytes = BYTES(bytes->data + taken.size, bytes->size - taken.size);
        return taken;
}

/* Returns whether the header is complete. Errors: -EPROTO. */
static int read_header(Frames *frames, Bytes *bytes)
{
        const Bytes more = take(bytes, sizeof frames->header - frames->n_header);

        memcpy(frames->header + frames->n_header, more.data, more.size);
        frames->n_header += more.size;
        if (frames->n_header < sizeof frames->header)
                return false;

        frames->left = get_be32(frames->header + 1);
        return frames->left > FRAME_MAX ? -EPROTO : true;
}

/* Output is not collected: it is passed on as it is. */
static bool is_output(const Frames *frames)
{
        return frames->header[0] == 'O' || frames->header[0] == 'E';
}

static int read_payload(Frames *frames, Bytes *bytes, FrameHandler handler, void *userdata)
{
        const Bytes more = take(bytes, frames->left);

        frames->left -= more.size;
        if (is_output(frames))
                return more.size > 0 ? handler((char) frames->header[0], more, userdata) : 0;

        text_append_bytes(&frames->payload, more.data, more.size);
        if (frames->payload.error < 0)
                return frames->payload.error;
        if (frames->left > 0)
                return 0;

        int r = handler((char) frames->header[0], BYTES(frames->payload.data, frames->payload.size),
                        userdata);
        text_reset(&frames->payload);
        return r;
}

int frames_feed(Frames *frames, Bytes bytes, FrameHandler handler, void *userdata)
{
        while (bytes.size > 0) {
                if (frames->n_header < sizeof frames->header) {
                        int r = read_header(frames, &bytes);
                        if (r <= 0)
                                return r;
                }

                int r = read_payload(frames, &bytes, handler, userdata);
                if (r < 0)
                        return r;
                if (frames->left == 0)
                        frames->n_header = 0;
        }

        return 0;
}
