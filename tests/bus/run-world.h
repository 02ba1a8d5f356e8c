/* SPDX-License-Identifier: MIT */
#pragma once

/* The whole way of a command on one machine: the real dispatcher, agent, ledger and workers on a private
 * bus. Only devbox-mesh is a fake, which has one device at 127.0.0.1, and what systemd does for workers: a
 * process for each connection. */

#include <stdatomic.h>

#include "ledger-world.h"

#define DISPATCH  "org.devbox.Dispatch1"
#define KEEPALIVE 60 /* of the device, in seconds */

/* A device of which devbox-mesh has an invitation only; the name begins as that of the other one. */
#define DEVICE_2 "dev-a-2"

/* One more device of devbox-mesh, see fleet-world.h. */
typedef struct RunPeer {
        char name[16], address[16];
        char *manifest;      /* the envelope */
        atomic_uint lookups; /* by the dispatcher */
} RunPeer;

typedef struct RunWorld {
        LedgerBus *ledger;
        TestDaemon *dispatch, *agent;
        sd_bus *client;
        char *root, *manifest; /* envelopes */
        const char *operators,
                *approvers;     /* more of the manifest's, as JSON with a comma at the end; NULL: none */
        const char *revoker;    /* who may revoke through RevokeFor(); NULL: no principal */
        const char *write_tier; /* of fs.write; NULL: message */
        char directory[96];     /* what fs.write may write */
        char run_directory[88];
        int listen_fd;
        char port_variable[48], worker_variable[160], dispatch_variable[256];
        atomic_uint keepalive_sec;       /* that the agent set last */
        atomic_bool revoked, stale;      /* the device, to devbox-mesh */
        atomic_bool held[2];             /* the invitations of dev-a and DEVICE_2 */
        unsigned event_age_min;          /* of the next events that are emitted */
        atomic_bool mesh_fails;          /* devbox-mesh rejects each GetPeer */
        char *const *worker_environment; /* NULL-terminated "NAME=value"; NULL: none */
        struct FakeParts *parts;
        RunPeer *others; /* devices beside dev-a, which do not change; NULL: none */
        size_t n_others;
} RunWorld;

int run_world_up(void **state);
int run_world_down(void **state);

#define run_world_test(function) cmocka_unit_test_setup_teardown(function, run_world_up, run_world_down)

void start_agent(RunWorld *world);
void start_dispatch(RunWorld *world);

/* Whether connections to worker-KIND.sock start workers; at first, all do. */
void set_worker(RunWorld *world, const char *kind, bool listening);

/* The ceiling of the ledger and of its workers. */
void run_world_format_ceiling(const RunWorld *world, char *ret_text, size_t size);

/* The manifest of a device; the caller frees it. */
char *run_world_make_manifest(RunWorld *world, const char *device, const char *approver);

/* The manifest that devbox-mesh has, with this user of the hub as an approver; NULL: who runs the test. */
void run_world_sign_manifest(RunWorld *world, const char *approver);

/* As devbox-mesh does when an operator revokes the device. */
void run_world_revoke(RunWorld *world);

/* devbox-mesh's Event about a device; all texts are literals. */
void run_world_emit(RunWorld *world, const char *device, const char *kind, const char *detail);

/* Presence of the device; else it is online. */
void run_world_set_stale(RunWorld *world, bool stale);
