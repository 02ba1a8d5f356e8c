/* SPDX-License-Identifier: MIT */
#pragma once

/* Help, made of the tables of the verbs. Functions return 0. Errors: those of writing. */

#include "ctl/verb.h"

int help_print_all(const Ctl *ctl);
int help_print_noun(const Ctl *ctl, const char *noun);
int help_print_verb(const Verb *verb);
int help_print_version(void);
