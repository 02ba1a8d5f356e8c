/* SPDX-License-Identifier: MIT */
#pragma once

/* The cross-signing identities of other users, and what a device of theirs is worth. The operator's manifest
 * pins the master key of each person; a person whose identity is no longer the pinned one is suspended until
 * it is pinned again, and neither commands nor keys pass. Where E2eeOptions says so, keys pass only
 * to devices of pinned people, and to our own. */

#include <cjson/cJSON.h>

#include "e2ee/e2ee.h"

typedef enum DeviceTrust {
        DEVICE_TRUST_UNKNOWN,  /* the user's list has no such device, or not yet */
        DEVICE_TRUST_CHANGED,  /* the user has another identity than the pinned one */
        DEVICE_TRUST_UNSIGNED, /* not signed by the user's identity */
        DEVICE_TRUST_SIGNED,   /* signed by the user's identity, which is not pinned */
        DEVICE_TRUST_PINNED,   /* signed by the user's pinned identity */
        _DEVICE_TRUST_MAX,
} DeviceTrust;

const char *device_trust_to_string(DeviceTrust trust);

/* Of the device of that user with that key. */
int e2ee_device_trust(E2ee *e2ee, const char *user_id, const char *curve25519, DeviceTrust *ret_trust);

/* Pins the master key of a user, and follows their devices; NULL takes the pin away. Errors: -EBADMSG no
 * key. */
int e2ee_pin_identity(E2ee *e2ee, const char *user_id, const char *master);

/* The master key that the server has for the user now. 1: there is one, which the caller frees. */
int e2ee_identity(E2ee *e2ee, const char *user_id, char **ret_master);

/* 1: the identity that the server has for the user now is the pinned one. */
int e2ee_identity_is_pinned(E2ee *e2ee, const char *user_id);

/* The one key of a cross-signing object from /keys/query, of that user and usage ("master"), borrowed. NULL:
 * the object is malformed. */
const char *identity_key(const cJSON *object, const char *user_id, const char *usage);

/* Cross-signing keys from /keys/query, either of which may be NULL. What is malformed, or not signed by the
 * master key, counts as absent. */
int identity_receive(E2ee *e2ee, const char *user_id, const cJSON *master, const cJSON *self_signing);
