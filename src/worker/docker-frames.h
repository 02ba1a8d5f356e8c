/* SPDX-License-Identifier: MIT */
#pragma once

/* The stream in which the Docker Engine multiplexes the output of a container without a terminal: frames of
 * an 8-byte header, {stream, 0, 0, 0, size as 32 bits big-endian}, and their payload. Source: Docker Engine
 * API v1.40, "Stream format" of ContainerAttach. */

#include "worker/output.h"

typedef struct DockerFrames {
        uint8_t header[8];
        size_t n_header; /* bytes of it received */
        uint32_t left;   /* bytes of the payload still to come */
        OutputStream stream;
} DockerFrames;

/* Writes the payloads in these bytes to `output`. Errors: -EPROTO not such a stream; those of
 * output_write(). */
int docker_frames_feed(DockerFrames *frames, Bytes bytes, Output *output);

/* Errors: -EPROTO the stream ended inside a frame. */
int docker_frames_end(const DockerFrames *frames);
