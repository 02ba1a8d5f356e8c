/* SPDX-License-Identifier: MIT */
#pragma once

/* One connection of the agent, from hello to end: at most one request is carried out, and only with a
 * permit. */

#include "crypto/ed25519.h"
#include "trust/ceiling.h"
#include "worker/job.h"

/* A sandbox, and what is carried out in it. */
typedef struct WorkerKind {
        const char *name;
        JobFunction functions[_CAPABILITY_KIND_MAX]; /* NULL: not by this kind */
} WorkerKind;

extern const WorkerKind worker_kinds[]; /* exec, fsr, fsw, as in all tables of kinds one without a name */

/* Of this machine; borrowed. */
typedef struct WorkerMachine {
        const PublicKey *device_key;
        const Ceiling *ceiling;
} WorkerMachine;

/* Serves the connection. Returns 0 if an end was sent. Errors: -EKEYREJECTED, -EBADMSG and DevboxErrors of a
 * permit or request that is not acceptable: nothing was run, nothing is sent; -ECONNRESET the agent is gone.
 */
int worker_serve(const WorkerKind *kind, const WorkerMachine *machine, int channel_fd);
