/* SPDX-License-Identifier: MIT */
/* The two output streams of a capability. */

#include "worker/output.h"

#include <stdarg.h>
#include <stdio.h>

static const ChannelType types[_OUTPUT_STREAM_MAX] = { CHANNEL_STDOUT, CHANNEL_STDERR };

void output_init(Output *output, int channel_fd, uint64_t max_bytes)
{
        *output = (Output){ .channel_fd = channel_fd, .max_bytes = max_bytes };
        for (size_t i = 0; i < ELEMENTSOF(output->streams); i++) {
                sha256_init(&output->streams[i].digest);
                sha256_init(&output->streams[i].beginning_digest);
        }
}

/* Digests what of these bytes, which are sent, belongs to the beginning. */
static void update_beginning(Output *output, OutputStream stream, Bytes sent)
{
        size_t room = RESULT_STREAM_MAX - (size_t) output->streams[stream].beginning_size;

        sent.size = MIN(sent.size, room);
        output->streams[stream].beginning_size += sent.size;
        sha256_update(&output->streams[stream].beginning_digest, sent);
}

/* The agent reads as fast as the person who asked does. */
static int send_piece(const Output *output, OutputStream stream, Bytes piece)
{
        int r = -EAGAIN;

        while (r == -EAGAIN) {
                r = channel_send(output->channel_fd, types[stream], piece);
                if (r == -EAGAIN && deadline_left(output->deadline_usec) == 0)
                        return -ETIMEDOUT;
        }

        return r;
}

int output_write(Output *output, OutputStream stream, Bytes data)
{
        uint64_t before = output->streams[stream].size;
        size_t left = before < output->max_bytes ? (size_t) MIN(output->max_bytes - before, data.size) : 0;

        output->streams[stream].size += data.size;
        sha256_update(&output->streams[stream].digest, data);

        for (size_t piece = 0; left > 0; left -= piece, data.data += piece) {
                piece = MIN(left, (size_t) CHANNEL_PAYLOAD_MAX);
                int r = send_piece(output, stream, BYTES(data.data, piece));
                if (r < 0)
                        return r;
                update_beginning(output, stream, BYTES(data.data, piece));
        }

        return 0;
}

int output_printf(Output *output, OutputStream stream, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list args;

        va_start(args, format);
        int n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }

        return output_write(output, stream, BYTES(text, (size_t) n));
}

bool output_is_truncated(const Output *output, OutputStream stream)
{
        return output->streams[stream].size > output->max_bytes;
}
