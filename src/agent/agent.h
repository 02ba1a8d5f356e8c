/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-agent: what the hub reaches of this device. */

#include "event/daemon.h"

void *agent_new(void);
void agent_free(void *self);
int agent_start(void *self, Daemon *daemon);
int agent_stop(void *self);
