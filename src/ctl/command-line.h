/* SPDX-License-Identifier: MIT */
#pragma once

/* The command line of devboxctl. */

#include "ctl/verb.h"

/* Parses the command line and runs the verb it names; `status` without one. Returns as Verb.run. */
int ctl_run(Ctl *ctl, int argc, char **argv);
