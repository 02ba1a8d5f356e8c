/* SPDX-License-Identifier: MIT */
#pragma once

/* What the machine that the tests run on forbids. */

#include "worker/landlock.h"

#include "test.h"

/* Whether a seccomp filter denies Landlock, as in a container: the worker runs no program then. Prints so.
 */
static inline bool landlock_is_denied(void)
{
        _cleanup_(landlock_rules_done) LandlockRules rules = LANDLOCK_RULES_NULL;

        if (landlock_rules_init(&rules) != -EPERM)
                return false;

        print_message("SKIPPED: a seccomp filter denies Landlock\n");
        return true;
}
