/* SPDX-License-Identifier: MIT */
#pragma once

/* Which user a call comes from. The bus is asked without waiting, once for each connection: a connection
 * never changes its user, and its name is never given to another. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define SENDER_QUESTIONS_MAX 64

typedef struct Senders Senders;

/* Gets each message that senders_ask() was given, in the order of their arrival. Replies to it itself. */
typedef void (*SenderHandler)(sd_bus_message *message, uid_t uid, void *owner);

int senders_new(sd_bus *bus, SenderHandler handler, void *owner, Senders **ret_senders);
Senders *senders_free(Senders *senders);
DEFINE_CLEANUP(Senders, senders_free);

/* Calls the handler, at once if the sender is known. A sender that went away is forgotten with its message.
 * Errors: DEVBOX_ERROR_BUSY too many wait; -ENOMEM and those of sd-bus. */
int senders_ask(Senders *senders, sd_bus_message *message);
