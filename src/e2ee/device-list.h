/* SPDX-License-Identifier: MIT */
#pragma once

/* The devices and cross-signing keys of all users that share an encrypted room with us, kept current.
 *
 * A user's list is dirty from the first sign of a change until an answer to /keys/query that
 * was asked for after that moment: each change counts up a generation, and an answer cleans the list only if
 * the generation is still the one it was asked with. One query is in flight at a time. Decryption never
 * waits for a query. */

#include "e2ee/e2ee-internal.h"

/* Starts tracking a user's list; no effect if it is tracked. */
int device_list_track(E2ee *e2ee, const char *user_id);

/* The list of a user may have changed; no effect on users that are not tracked. */
int device_list_mark_dirty(E2ee *e2ee, const char *user_id);

/* The same if the list has no device of that key. */
int device_list_mark_dirty_if_unknown(E2ee *e2ee, const char *user_id, const char *curve25519);

/* device_lists of a sync response. */
int device_list_receive(E2ee *e2ee, const cJSON *device_lists);

/* Checks the keys of a device and remembers them. Ignored: keys that are malformed or
 * not signed by themselves, other keys under a known device id, ids that are a cross-signing key. */
int device_receive(E2ee *e2ee, const char *user_id, const char *device_id, const cJSON *keys);

/* 1: the user's current list has a device with that key. */
int device_by_key(E2ee *e2ee, const char *user_id, const char *curve25519, Device *ret_device);

/* 0: the keys are those of that user and device, and signed by themselves. Errors: -EBADMSG, and -ENOKEY. */
int device_keys_check(const cJSON *keys, const char *user_id, const char *device_id);

/* Whether they are these two. */
bool device_keys_are(const cJSON *keys, const char *device_id, const char *curve25519, const char *ed25519);

int device_list_plan(E2ee *e2ee);
int device_list_on_queried(E2ee *e2ee, const cJSON *context, const cJSON *response);
int device_list_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response);
