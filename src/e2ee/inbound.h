/* SPDX-License-Identifier: MIT */
#pragma once

/* Megolm, receiving: room keys, events, and why one cannot be read.
 *
 * A key counts only if its sender gave it to us by Olm; forwarded keys and backups are not accepted. A
 * session is looked up by room and session id alone, belongs to the device whose Olm message brought it, and
 * reads only events of that device's user. Each index of a session belongs for ever to the first event that
 * used it. */

#include "e2ee/channel.h"
#include "e2ee/e2ee-internal.h"

/* An m.room_key from an Olm message. */
int inbound_receive_key(E2ee *e2ee, const ChannelSender *sender, const cJSON *content);

/* Our own outbound session, to read our own messages with. */
int inbound_add(E2ee *e2ee, const ChannelSender *sender, const char *room_id, const char *session_key);

void inbound_cache_done(InboundCache *cache);
