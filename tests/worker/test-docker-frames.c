/* SPDX-License-Identifier: MIT */
/* The multiplexed stream of the Docker Engine, however it is cut. */

#include "job-world.h"

#include <sys/socket.h>

#include "basic/fd.h"
#include "worker/docker-frames.h"

/* Two frames of standard output around one of standard error, and an empty one. */
static const uint8_t stream[] = { 1,   0,   0, 0, 0, 0, 0, 3, 'a', 'b', 'c', 2, 0, 0, 0, 0, 0, 0, 2,
                                  'x', 'y', 1, 0, 0, 0, 0, 0, 0,   0,   1,   0, 0, 0, 0, 0, 0, 1, 'd' };

static void feed_all(Output *output, size_t piece)
{
        DockerFrames frames = { .n_header = 0 };

        for (size_t at = 0; at < sizeof stream; at += piece)
                assert_ok(docker_frames_feed(&frames, BYTES(stream + at, MIN(piece, sizeof stream - at)),
                                             output));
        assert_ok(docker_frames_end(&frames));
}

static void test_any_cut(void **state)
{
        Sha256 expected[_OUTPUT_STREAM_MAX];

        sha256(bytes_of_string("abcd"), &expected[OUTPUT_STDOUT]);
        sha256(bytes_of_string("xy"), &expected[OUTPUT_STDERR]);
        for (size_t piece = 1; piece <= sizeof stream; piece++) {
                Output output;

                output_init(&output, -EBADF, 0); /* digests only */
                feed_all(&output, piece);
                for (OutputStream i = 0; i < _OUTPUT_STREAM_MAX; i++) {
                        Sha256 digest;

                        sha256_final(&output.streams[i].digest, &digest);
                        assert_memory_equal(&digest, &expected[i], sizeof digest);
                }
        }
}

static void test_not_such_a_stream(void **state)
{
        static const uint8_t rows[][8] = {
                { 3, 0, 0, 0, 0, 0, 0, 1 },
                { 1, 1, 0, 0, 0, 0, 0, 1 },
                { 1, 0, 0, 9, 0, 0, 0, 1 },
                { 'H', 'T', 'T', 'P', '/', '1', '.', '1' },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                DockerFrames frames = { .n_header = 0 };
                Output output;

                output_init(&output, -EBADF, 0);
                assert_err(docker_frames_feed(&frames, BYTES(rows[i], 8), &output), -EPROTO);
        }
}

static void test_end_inside_a_frame(void **state)
{
        for (size_t size = 1; size < 11; size++) {
                DockerFrames frames = { .n_header = 0 };
                Output output;

                output_init(&output, -EBADF, 0);
                assert_ok(docker_frames_feed(&frames, BYTES(stream, size), &output));
                assert_err(docker_frames_end(&frames), -EPROTO);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_cut),
                cmocka_unit_test(test_not_such_a_stream),
                cmocka_unit_test(test_end_inside_a_frame),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
