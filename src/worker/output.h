/* SPDX-License-Identifier: MIT */
#pragma once

/* What a capability prints: sent to the agent up to a limit, counted and digested to its end, so that memory
 * stays constant and the digest is that of the whole. */

#include "basic/time.h"
#include "crypto/sha256.h"
#include "proto/worker-channel.h"
#include "trust/result.h"

typedef enum OutputStream { OUTPUT_STDOUT, OUTPUT_STDERR, _OUTPUT_STREAM_MAX } OutputStream;

typedef struct Output {
        int channel_fd;
        uint64_t max_bytes;   /* sent of each stream */
        usec_t deadline_usec; /* CLOCK_MONOTONIC: how long the agent may take to make room */
        struct {
                uint64_t size; /* of all of it */
                Sha256State digest;
                uint64_t beginning_size; /* of what was sent, at most RESULT_STREAM_MAX */
                Sha256State beginning_digest;
        } streams[_OUTPUT_STREAM_MAX];
} Output;

void output_init(Output *output, int channel_fd, uint64_t max_bytes);

/* Errors: those of channel_send(); -ETIMEDOUT the deadline has passed and the agent has no room, for a
 * channel with SO_SNDTIMEO. */
int output_write(Output *output, OutputStream stream, Bytes data);
int output_printf(Output *output, OutputStream stream, const char *format, ...) _printf_(3, 4);

bool output_is_truncated(const Output *output, OutputStream stream);
