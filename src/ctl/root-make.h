/* SPDX-License-Identifier: MIT */
#pragma once

/* Making roots: filling them in, signing them and putting them where they belong. Functions return 0, or an
 * exit status after they said what is wrong. Errors: -ENOMEM, of writing. */

#include "ctl/ctl.h"
#include "proto/root.h"

#define ROOT_LIFE_MS UINT64_C(31622400000) /* 366 days */

/* When it is issued and expires, by --expires or after a year. */
int root_set_life(const Ctl *ctl, Root *root);

/* The keys that --witness names, added to those in `keys`, which has room for ROOT_KEYS_MAX. */
int root_add_witness(const Ctl *ctl, PublicKey *keys, size_t *n_keys);

/* Signs by one or two pairs (`also` may be NULL) and writes N.root.json, which must be new, then
 * root.json. */
int root_publish(const Ctl *ctl, const Root *root, const KeyPair *by, const KeyPair *also);
