/* SPDX-License-Identifier: MIT */
#pragma once

/* What a program may open and execute, enforced by the kernel on the program itself and all it starts.
 * Source: landlock(7). */

#include "basic/macro.h"

typedef enum LandlockAccess {
        LANDLOCK_READ,    /* files and directories below */
        LANDLOCK_EXECUTE, /* one file: reading it, too */
        LANDLOCK_WRITE,   /* one existing file, such as /dev/null: reading it, too */
} LandlockAccess;

typedef struct LandlockRules {
        int fd;           /* of the rule set */
        uint64_t handled; /* the accesses that this kernel can deny */
} LandlockRules;

#define LANDLOCK_RULES_NULL ((LandlockRules){ .fd = -EBADF })

void landlock_rules_done(LandlockRules *rules);

/* Everything is denied but what is allowed afterwards. Errors: -EOPNOTSUPP, -ENOSYS: this kernel has no
 * Landlock, or it is switched off. */
int landlock_rules_init(LandlockRules *ret_rules);

/* A path that does not exist allows nothing. Errors: -ENOMEM and the like. */
int landlock_allow(LandlockRules *rules, const char *path, LandlockAccess access);
int landlock_allow_fd(LandlockRules *rules, int fd, LandlockAccess access);

/* Restricts the calling thread, for good; it must have no_new_privs. */
int landlock_enforce(const LandlockRules *rules);
