/* SPDX-License-Identifier: MIT */
#pragma once

/* A manifest as a person reads it. */

#include "basic/text.h"
#include "trust/capability.h"

/* What a capability lets be done: "/usr/bin/ls [-l|-la] -- DIR in home". Never holds a control character. */
void manifest_describe(const Capability *capability, Text *text);
