/* SPDX-License-Identifier: MIT */
#pragma once

/* devboxctl: one file for each verb; this is what they share. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Exit statuses, as devboxctl(1) has them. */
enum { CTL_FINE = 0, CTL_PROBLEM = 1, CTL_USAGE = 2 };

typedef struct Ctl {
        bool json;
        bool colour;
} Ctl;

/* Each verb prints what it found and returns an exit status. `args` are the words after the verb, ended by
 * NULL. Errors: -ENOMEM and failures of writing. */
int ctl_status(const Ctl *ctl, char **args);
int ctl_system(const Ctl *ctl, char **args);
int ctl_services(const Ctl *ctl, char **args);
int ctl_health(const Ctl *ctl, char **args);
int ctl_config_check(const Ctl *ctl, char **args);
int ctl_selftest(const Ctl *ctl, char **args);
