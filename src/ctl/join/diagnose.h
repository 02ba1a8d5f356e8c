/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/mesh/mesh-client.h"

/* Why the hub may not answer: what can be seen from here of each endpoint. Returns
 * DEVBOX_ERROR_MESH_UNREACHABLE with its detail, which the caller frees. Errors: -ENOMEM. */
int hub_diagnose(const MeshStatus *mesh, char **ret_problem);
