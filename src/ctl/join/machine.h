/* SPDX-License-Identifier: MIT */
#pragma once

#include "trust/claim.h"

/* "Debian GNU/Linux 12 (bookworm), x86_64", for the operator who admits this machine. Source: os-release(5),
 * uname(2). */
void machine_describe(char ret_text[static CLAIM_DESCRIPTION_MAX + 1]);
