/* SPDX-License-Identifier: MIT */
#pragma once

/* The two keys of the dispatcher, sealed at rest (trust/sealed-file.h). Manifests name them. */

#include "crypto/ed25519.h"

typedef struct DispatchKeys {
        KeyPair *dispatcher; /* signs requests and deliveries */
        KeyPair *attester;   /* signs approvals that people gave on this hub, and nothing else */
} DispatchKeys;

/* Reads the keys in the directory, and makes those that are missing. `credentials` is
 * $CREDENTIALS_DIRECTORY, or NULL. Errors: -EBADMSG a key is sealed otherwise, or altered; -EPERM others may
 * access a file; those of files. */
int dispatch_keys_load(const char *directory, const char *credentials, DispatchKeys *ret_keys);
void dispatch_keys_done(DispatchKeys *keys);
