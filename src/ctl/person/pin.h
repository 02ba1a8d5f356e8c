/* SPDX-License-Identifier: MIT */
#pragma once

#include "ctl/person/people.h"
#include "ctl/verb.h"

/* Asks the hub's homeserver for the identity of a Matrix user and pins it once whoever runs the command has
 * compared it. Where that cannot be, it prints why, and what was pinned stays. Returns 0, or
 * DEVBOX_ERROR_ACCESS_DENIED with ctl->problem: it is not theirs. Errors: -ENOMEM, of writing. */
int person_pin(Ctl *ctl, Person *person);
