/* SPDX-License-Identifier: MIT */
#pragma once

/* Giving the key of an outbound session to devices, and the reason to those that do not get it. */

#include "e2ee/e2ee-internal.h"

typedef struct OutboundSession {
        char *room_id, *session_id; /* owned, as the ratchet */
        RatchetOutbound *ratchet;
        int64_t created_ms, messages;
} OutboundSession;

#define OUTBOUND_SESSION_NULL ((OutboundSession){ 0 })

/* Shares at the current index with every device of the room that should have the session and does not.
 * `ret_waiting`: to how many the key could not be encrypted because there is no Olm session yet. */
int share_missing(E2ee *e2ee, const OutboundSession *session, size_t *ret_waiting);

/* 1: a device that has the key should not have the next ones. */
int share_has_lost_device(E2ee *e2ee, const OutboundSession *session);

/* 1: keys of the session are still on their way. */
int share_is_pending(E2ee *e2ee, const OutboundSession *session);

/* Sends keys again that are marked so. */
int share_plan(E2ee *e2ee);
