/* SPDX-License-Identifier: MIT */
#pragma once

/* Processing of sync responses, and recovery from one that crashes the process.
 *
 * All of a response is one transaction with its `next_batch`. Before that transaction, in one of its own,
 * the attempt is counted, if there are to-device events: one that crashes the process is so found by the
 * third attempt, which takes them one by one, each in its own transaction, and skips the one that crashed
 * the process. An event that cannot be processed for another reason is put aside, and the others go on. */

#include "e2ee/e2ee.h"

/* The token of the next sync. 1: there is one, which the caller frees. */
int e2ee_since(E2ee *e2ee, char **ret_since);

/* The next sync has no token: members of rooms and devices of users are learned anew. */
int e2ee_forget_since(E2ee *e2ee);

/* Outside a transaction, before the response is processed. May process to-device events already. */
int e2ee_begin_sync(E2ee *e2ee, const cJSON *sync);

/* Device lists, to-device events, key counts, state of rooms; then `next_batch`. Timelines are the caller's,
 * after this and in the same transaction: e2ee_decrypt(), then e2ee_next_recovered() until there is none. */
int e2ee_receive_sync(E2ee *e2ee, const cJSON *sync);
