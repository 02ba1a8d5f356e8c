/* SPDX-License-Identifier: MIT */
/* Demultiplexes the output of a container; holds no payload. */

#include "worker/docker-frames.h"

/* Streams 0 and 1 are standard output: 0 is that of standard input's echo, which the Engine does not send.
 */
static int parse_header(DockerFrames *frames)
{
        const uint8_t *header = frames->header;

        if (header[0] > 2 || header[1] != 0 || header[2] != 0 || header[3] != 0)
                return -EPROTO;

        frames->stream = header[0] == 2 ? OUTPUT_STDERR : OUTPUT_STDOUT;
        frames->left = get_be32(header + 4);
        frames->n_header = 0;
        return 0;
}

int docker_frames_feed(DockerFrames *frames, Bytes bytes, Output *output)
{
        while (bytes.size > 0) {
                bool in_payload = frames->left > 0;
                size_t wanted = in_payload ? frames->left : sizeof frames->header - frames->n_header;
                size_t n = MIN(wanted, bytes.size);
                int r = 0;

                if (in_payload) {
                        r = output_write(output, frames->stream, BYTES(bytes.data, n));
                        frames->left -= (uint32_t) n;
                } else {
                        memcpy(frames->header + frames->n_header, bytes.data, n);
                        frames->n_header += n;
                        if (frames->n_header == sizeof frames->header)
                                r = parse_header(frames);
                }
                if (r < 0)
                        return r;

                bytes = BYTES(bytes.data + n, bytes.size - n);
        }

        return 0;
}

int docker_frames_end(const DockerFrames *frames)
{
        return frames->left > 0 || frames->n_header > 0 ? -EPROTO : 0;
}
