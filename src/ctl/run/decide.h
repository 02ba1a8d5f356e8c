/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/verb.h"

/* Calls a method of org.devbox.Dispatch1 that takes an id, and says that the request is now `done`. */
int decide(Ctl *ctl, const char *method, const char *id, const char *done);

int decide_print(Ctl *ctl, const char *id, const char *done);
