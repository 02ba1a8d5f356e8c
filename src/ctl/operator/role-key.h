/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/operator/key.h"
#include "ctl/verb.h"
#include "trust/root.h"

/* The key that the options name; else, of those in the operator's directory, one that the root lets sign for
 * this role. It is left sealed if it is. Returns 0, or a DevboxError with `ctl->problem`. Errors: -ENOMEM.
 */
int operator_open_role_key(Ctl *ctl, const KeySource *source, const Root *root, RootRole role,
                           OperatorKey *ret_key);
