/* SPDX-License-Identifier: MIT */
#pragma once

/* Processing of sync responses. All of a response is one transaction with its `next_batch`; events that
 * cannot be processed are skipped: quarantine.h. */

#include "e2ee/e2ee.h"

/* The token of the next sync. 1: there is one, which the caller frees. */
int e2ee_since(E2ee *e2ee, char **ret_since);

/* The next sync has no token: members of rooms and devices of users are learned anew. */
int e2ee_forget_since(E2ee *e2ee);

/* Device lists, to-device events, key counts, state of rooms; then `next_batch`. Timelines are the caller's,
 * after this and in the same transaction: e2ee_decrypt(), then e2ee_next_recovered() until there is none. */
int e2ee_receive_sync(E2ee *e2ee, const cJSON *sync);
