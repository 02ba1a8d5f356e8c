/* SPDX-License-Identifier: MIT */
#pragma once

/* HTTP to the hub, inside the tunnels. Functions return 0, or a DevboxError with its detail, which the
 * caller frees. Errors: -ENOMEM. */

#include "basic/time.h"
#include "ctl/http-run.h"
#include "ctl/join/join-client.h"

/* POST /enroll through the bootstrap tunnel, once: the sealed claim, for the hub's answer. Returns
 * DEVBOX_ERROR_MESH_UNREACHABLE, without a detail, if nothing answers within `timeout_usec`; else the reason
 * of the hub. */
int hub_http_enroll(const JoinClaim *sealed, usec_t timeout_usec, HttpResult *ret_answer,
                    char **ret_problem);

/* GET /healthz of the hub's address in the network, once: how long it took. */
int hub_http_ping(const char *hub_address, usec_t timeout_usec, usec_t *ret_elapsed_usec);
