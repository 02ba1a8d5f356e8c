/* SPDX-License-Identifier: MIT */
/* The multiplexed output of the Docker Engine: the same whole and byte by byte, and never longer than it. */

#include "fuzz.h"
#include "worker/docker-frames.h"

static int feed(Bytes bytes, size_t piece, Output *output)
{
        const uint8_t *data = bytes.data;
        DockerFrames frames = { .n_header = 0 };
        int r = 0;

        output_init(output, -EBADF, 0); /* digests only */
        for (size_t at = 0; r == 0 && at < bytes.size; at += piece)
                r = docker_frames_feed(&frames, BYTES(data + at, MIN(piece, bytes.size - at)), output);

        return r == 0 ? docker_frames_end(&frames) : r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Output whole, bytewise;

        int r = feed(BYTES(data, size), MAX(size, 1U), &whole);
        fuzz_check(feed(BYTES(data, size), 1, &bytewise) == r);
        fuzz_check(r == 0 || r == -EPROTO);
        for (OutputStream i = 0; i < _OUTPUT_STREAM_MAX; i++) {
                Sha256 digests[2];

                fuzz_check(whole.streams[i].size == bytewise.streams[i].size);
                fuzz_check(whole.streams[i].size <= size);
                sha256_final(&whole.streams[i].digest, &digests[0]);
                sha256_final(&bytewise.streams[i].digest, &digests[1]);
                fuzz_check(sha256_equal(&digests[0], &digests[1]));
        }

        return 0;
}
