/* SPDX-License-Identifier: MIT */
#pragma once

#include "trust/manifest.h"

/* A command that the entry allows, with the least that it needs: "devboxctl run laptop ls /home". What only
 * the person knows is FILE, the name of a file. The caller frees the line. Errors: -ENOMEM. */
int manifest_example(const Manifest *manifest, const Capability *capability, char **ret_line);
