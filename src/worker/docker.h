/* SPDX-License-Identifier: MIT */
#pragma once

/* The capabilities of containers, with the Docker Engine or Podman on a Unix socket. */

#include "worker/job.h"

#define DOCKER_SOCKET "/run/docker.sock"

/* As exec_run(). */
int docker_run(const Job *job, const char *socket_path, Output *output, JobOutcome *ret_outcome);
