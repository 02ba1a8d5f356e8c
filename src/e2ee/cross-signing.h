/* SPDX-License-Identifier: MIT */
#pragma once

/* The user's own cross-signing identity: made at the first start, before the first message, since devices
 * that no identity signed are excluded by others (Matrix 1.18). The seeds are committed before they are
 * uploaded, and an identity that already exists is overwritten only by e2ee_reset_identity(). */

#include "e2ee/e2ee-internal.h"

/* Signs the master key of another user, which they confirmed, with the user-signing key, and uploads that.
 */
int cross_signing_sign_user(E2ee *e2ee, const char *user_id);

/* The device list of our own user was received: whether it has our identity, and our device signed. */
int cross_signing_check(E2ee *e2ee);

int cross_signing_plan(E2ee *e2ee);
int cross_signing_on_uploaded(E2ee *e2ee, const cJSON *context, const cJSON *response);
int cross_signing_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response);
int cross_signing_on_signed(E2ee *e2ee, const cJSON *context, const cJSON *response);
int cross_signing_on_unsigned(E2ee *e2ee, const cJSON *context, const cJSON *response);
