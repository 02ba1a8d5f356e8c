/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-api: answers HTTP on loopback with the collector's samples, and carries out two actions. */

#include "event/daemon.h"

typedef struct Api Api;

/* Steps of DaemonType. An invalid configuration does not fail: then every request is answered with what is
 * wrong with it. */
void *api_new(void);
void api_free(void *self);
int api_start(void *self, Daemon *daemon);
int api_reload(void *self);
int api_stop(void *self);

/* DaemonOption: another address to listen on; borrowed. A socket beyond loopback accepts no connections
 * unless the configuration allows it. Errors: -E2BIG. */
int api_add_listen(void *self, const char *address);
