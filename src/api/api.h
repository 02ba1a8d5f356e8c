/* SPDX-License-Identifier: MIT */
#pragma once

/* devbox-api: answers HTTP on loopback with what devbox-collector knows, and carries out two actions. */

#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct Api Api;

/* Exit code after the action restart: the unit's RestartForceExitStatus=. Source: sysexits.h, EX_TEMPFAIL.
 */
#define API_EXIT_RESTART 75

int api_new(Api **ret_api);
Api *api_free(Api *api);
DEFINE_CLEANUP(Api, api_free);

/* Reads the configuration and begins to answer on what api_listen_take() brings. An invalid configuration
 * does not fail: then every request is answered with what is wrong with it. The loop ends with the exit code
 * of the process. */
int api_start(Api *api, sd_event *event);

/* Takes a listening socket. On one beyond loopback nobody is accepted unless the configuration allows it. */
int api_listen_take(Api *api, int fd);

/* Handlers of daemon_new_event(); `owner` is the api. Stopping first answers what waits. */
int api_on_stop(void *owner);
int api_on_reload(void *owner);
