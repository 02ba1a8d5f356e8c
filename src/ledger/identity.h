/* SPDX-License-Identifier: MIT */
#pragma once

/* The private key of the node. It is generated at the first start and never leaves the process. It is stored
 * in a systemd credential named `identity` where the unit has one (which can be sealed to the machine:
 * systemd-creds(1)), otherwise in the file `identity` of the state directory, 0600. */

#include "crypto/ed25519.h"

/* `credentials` is $CREDENTIALS_DIRECTORY or NULL. A new key is on the disk, with its directory entry,
 * before this returns. Errors: -EINVAL what is there is no key; -EPERM others may read or write the file;
 * -errno of the file system; -ENOMEM. */
int identity_load(int state_fd, const char *credentials, KeyPair **ret_identity);

/* Writes the public key to the file `identity.pub` of the state directory, as 64 hexadecimal digits: the
 * workers check permits with it (LoadCredential=). Errors: those of writing files. */
int identity_publish(int state_fd, const KeyPair *identity);

/* Whether the state directory has a key of its own. */
bool identity_exists(int state_fd);
