/* SPDX-License-Identifier: MIT */
#pragma once

#include "crypto/ed25519.h"
#include "ctl/verb.h"

/* A public key as hexadecimal digits, with --json also as words. Errors: -ENOMEM, of writing. */
int operator_print_key(const Ctl *ctl, const PublicKey *key);
