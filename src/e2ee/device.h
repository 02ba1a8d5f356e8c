/* SPDX-License-Identifier: MIT */
#pragma once

/* The devices of users and their keys. */

#include "e2ee/e2ee-internal.h"

/* Texts are owned. */
typedef struct Device {
        char *user_id, *device_id, *curve25519, *ed25519;
} Device;

#define DEVICE_NULL ((Device){ 0 })

void device_done(Device *device);

/* Checks the keys of a device and stores them. Ignored: keys that are malformed or not signed by
 * themselves, other keys under a known device id, ids that are a cross-signing key. */
int device_receive(E2ee *e2ee, const char *user_id, const char *device_id, const cJSON *keys);

/* 1: the user's current list has a device with that key. */
int device_by_key(E2ee *e2ee, const char *user_id, const char *curve25519, Device *ret_device);

/* 0: the keys are those of that user and device, and signed by themselves. Errors: -EBADMSG, and -ENOKEY. */
int device_keys_check(const cJSON *keys, const char *user_id, const char *device_id);

/* Whether they are these two. */
bool device_keys_are(const cJSON *keys, const char *device_id, const char *curve25519, const char *ed25519);
