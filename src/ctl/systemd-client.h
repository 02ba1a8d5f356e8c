/* SPDX-License-Identifier: MIT */
#pragma once

/* Calls of org.freedesktop.systemd1 that wait for their reply. Functions return 0, or a DevboxError with its
 * detail, which the caller frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define DEVICE_TARGET "devbox-device.target"

/* What the generators make is of now. */
int systemd_client_reload(sd_bus *bus, char **ret_problem);

/* Starts the unit and lets it start at boot; or stops it and lets it not. Waits for the job. */
int systemd_client_enable(sd_bus *bus, const char *unit, char **ret_problem);
int systemd_client_disable(sd_bus *bus, const char *unit, char **ret_problem);

/* Does not wait: a job that is queued next and needs the unit gone is ordered behind this one. */
int systemd_client_stop(sd_bus *bus, const char *unit, char **ret_problem);
int systemd_client_restart(sd_bus *bus, const char *unit, char **ret_problem);

/* ActiveState; the caller frees it. */
int systemd_client_get_state(sd_bus *bus, const char *unit, char **ret_state, char **ret_problem);
