/* SPDX-License-Identifier: MIT */
#pragma once

/* The device's own keys: identity keys, one-time keys and the fallback key, and their upload.
 *
 * The server is kept at 50 one-time keys, half of what libolm keeps: a key that was claimed and not yet used
 * must not be evicted by new ones. Keys are committed before they are uploaded, and the same keys are
 * uploaded until the server has answered. */

#include "e2ee/e2ee-internal.h"

/* Makes the account, or loads its public keys into `e2ee`. */
int account_open(E2ee *e2ee, const char *user_id, const char *device_id);

int account_load(E2ee *e2ee, RatchetAccount **ret_account);
int account_save(E2ee *e2ee, RatchetAccount *account);

/* The device_keys object, signed by the device and, where it exists, by the self-signing key. */
int account_device_keys(E2ee *e2ee, cJSON **ret_keys);

/* Key counts of a sync response. A missing count means 0. */
int account_receive_counts(E2ee *e2ee, const cJSON *sync);

int account_plan(E2ee *e2ee);
int account_on_uploaded(E2ee *e2ee, const cJSON *context, const cJSON *response);
int account_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response);

/* Of a fault the first stays: later ones follow from it. */
int fault_set(E2ee *e2ee, E2eeFault fault);
