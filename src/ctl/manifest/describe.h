/* SPDX-License-Identifier: MIT */
#pragma once

#include "trust/capability.h"

/* What a capability allows, with every member that is not the default, beside its id, kind and approval:
 * "/usr/bin/ls [-l|-la] -- (DIR in home); at most 5 s". The caller frees the line. Errors: -ENOMEM; -EINVAL
 * the capability is not valid. */
int manifest_describe_capability(const Capability *capability, char **ret_line);
