/* SPDX-License-Identifier: MIT */
#pragma once

/* Queries of dirty device lists (/keys/query), whose answers have the devices and the cross-signing keys of
 * users. One query is in flight at a time. Decryption never waits for a query. */

#include "e2ee/e2ee-internal.h"

int key_query_plan(E2ee *e2ee);
int key_query_on_done(E2ee *e2ee, const cJSON *context, const cJSON *response);
int key_query_on_refused(E2ee *e2ee, const cJSON *context, const cJSON *response);
