/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/mesh/mesh-client.h"

/* Why the hub may not answer: this machine's own link, else what can be seen of the first endpoint. Returns
 * DEVBOX_ERROR_MESH_UNREACHABLE with its detail, which the caller frees. Errors: -ENOMEM. */
int hub_diagnose(sd_bus *bus, char **ret_problem);
