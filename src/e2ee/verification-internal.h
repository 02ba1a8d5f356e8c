/* SPDX-License-Identifier: MIT */
#pragma once

/* What the files of verification share. */

#include "e2ee/e2ee-internal.h"
#include "e2ee/verification.h"

/* 1: there is such a flow. */
int verification_load(E2ee *e2ee, const char *txn_id, Verification *ret_verification);

/* Inserts, or replaces all but the creation time. */
int verification_save(E2ee *e2ee, const Verification *verification);

/* Sends a message of the flow. Takes the content, also on failure. */
int verification_send(E2ee *e2ee, const Verification *verification, const char *type, cJSON *content);

/* Cancels the flow and sends the code to the other side. */
int verification_abort(E2ee *e2ee, Verification *verification, const char *code);

/* The shared secret of the two ephemeral keys. Errors: -EBADMSG their key. */
int verification_agree(E2ee *e2ee, const Verification *verification, Secret **ret_shared);

/* MACs over our device key and master key, as the content of m.key.verification.mac. */
int verification_mac(E2ee *e2ee, const Verification *verification, cJSON **ret_content);

/* Their MACs: 0: right, and `ret_master` is whether their master key was among the keys; -EBADMSG: wrong.
 */
int verification_check_mac(E2ee *e2ee, const Verification *verification, const cJSON *content,
                           bool *ret_master);
