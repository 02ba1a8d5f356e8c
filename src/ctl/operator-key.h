/* SPDX-License-Identifier: MIT */
#pragma once

/* What init and rotate share. */

#include "crypto/ed25519.h"
#include "ctl/ctl.h"

/* Asks for a passphrase and writes a new key file of that name into the operator's directory. Returns 0, or
 * an exit status after it said what is wrong. Errors: -ENOMEM. */
int operator_write_key(const Ctl *ctl, const char *name, const char *label, const KeyPair *pair);
