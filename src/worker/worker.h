/* SPDX-License-Identifier: MIT */
#pragma once

/* One connection of the agent, from hello to end: at most one request is carried out, and only with a
 * permit. */

#include "crypto/ed25519.h"
#include "trust/ceiling.h"
#include "worker/job.h"

typedef enum WorkerKind {
        WORKER_EXEC,   /* shell.exec */
        WORKER_FSR,    /* fs.list, fs.read */
        WORKER_FSW,    /* fs.write */
        WORKER_DOCKER, /* docker.* */
        _WORKER_KIND_MAX,
        _WORKER_KIND_INVALID = -EINVAL,
} WorkerKind;

WorkerKind worker_kind_from_name(const char *name); /* "exec", "fsr", "fsw", "docker"; or invalid */

/* Of this machine; borrowed. */
typedef struct WorkerMachine {
        const PublicKey *device_key;
        const Ceiling *ceiling;
        const char *docker_socket;
} WorkerMachine;

/* Serves the connection. Returns 0 if an end was sent. Errors: -EKEYREJECTED, -EBADMSG and DevboxErrors of a
 * permit or request that is not acceptable: nothing was run, nothing is sent; -ECONNRESET the agent is gone.
 */
int worker_serve(WorkerKind kind, const WorkerMachine *machine, int channel_fd);
