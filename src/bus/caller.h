/* SPDX-License-Identifier: MIT */
#pragma once

/* Which user a call comes from. The bus is asked without waiting, once for each connection: a connection
 * never changes its user, and its name is never given to another. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define SENDER_QUESTIONS_MAX 64

typedef struct CallerCache CallerCache;

/* Gets each message that caller_resolve_uid() was given, in the order of their arrival. Replies to it
 * itself. */
typedef void (*SenderHandler)(sd_bus_message *message, uid_t uid, void *owner);

int caller_cache_new(sd_bus *bus, SenderHandler handler, void *owner, CallerCache **ret_senders);
CallerCache *caller_cache_free(CallerCache *callers);
DEFINE_CLEANUP(CallerCache, caller_cache_free);

/* Calls the handler, at once if the sender is known. A sender that went away is forgotten with its message.
 * Errors: DEVBOX_ERROR_BUSY too many wait; -ENOMEM and those of sd-bus. */
int caller_resolve_uid(CallerCache *callers, sd_bus_message *message);
