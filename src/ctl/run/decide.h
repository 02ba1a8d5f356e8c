/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/verb.h"

/* Calls a method of org.devbox.Dispatch1 that takes an id, on ctl->bus, and prints what the request is now:
 * "approved". */
int decide(Ctl *ctl, const char *method, const char *id, const char *done);

int decide_print(Ctl *ctl, const char *id, const char *done);
