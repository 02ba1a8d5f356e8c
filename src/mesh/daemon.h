/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-mesh: keeps the WireGuard link of this machine, its peers and what they may reach as the database
 * says. */

#include "event/daemon.h"

typedef struct MeshDaemon MeshDaemon;

/* Steps of DaemonType. Everything durable is in $STATE_DIRECTORY. While the database cannot be used the
 * network stays as it was, and revoking still works. */
void *mesh_daemon_new(void);
void mesh_daemon_free(void *self);
int mesh_daemon_start(void *self, Daemon *daemon);
int mesh_daemon_reload(void *self);
int mesh_daemon_stop(void *self);
