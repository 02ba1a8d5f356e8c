/* SPDX-License-Identifier: MIT */
#pragma once

/* The keys of the user's own cross-signing identity: seeds in the store, under the pickle key, and what is
 * signed by them. Usages: "master", "self_signing", "user_signing". */

#include "crypto/ed25519.h"
#include "e2ee/e2ee-internal.h"

/* Makes the pairs of all usages. */
int cross_signing_make_pairs(E2ee *e2ee);

/* 1: there is one. */
int cross_signing_load_pair(E2ee *e2ee, const char *usage, KeyPair **ret_pair);

/* The public master key. 1: there is one. The caller frees it. */
int cross_signing_master(E2ee *e2ee, char **ret_master);

/* The object of a public key, signed by `master`; NULL: not signed. */
int cross_signing_key_object(E2ee *e2ee, const char *usage, const KeyPair *master, cJSON **ret_object);

/* Adds the signature of the self-signing key, if there is one. */
int cross_signing_sign_device(E2ee *e2ee, cJSON *device_keys);
