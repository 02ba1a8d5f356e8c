/* SPDX-License-Identifier: MIT */
#pragma once

/* The whole of a program that carries out one request, of the kind that its only argument names. */

#include "worker/worker.h"

/* Returns the exit status: see devbox-worker(8). */
int worker_main(int argc, char **argv, const WorkerKind *kinds);
