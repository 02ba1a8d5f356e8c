/* SPDX-License-Identifier: MIT */
#pragma once

/* Whether the caller of a method may call it: by user, or by what polkit decides. One continuation for both:
 *
 *     handler: read, validate ── bus_authorise() ── [user] ── [polkit] ── continuation: act, reply
 *
 * Nothing is changed before the continuation, which looks its objects up again: they may have changed since.
 * A caller that leaves the bus cancels its authorisation. */

#include "bus/call.h"

typedef struct BusAuthority BusAuthority;

/* Root and the user of the daemon itself may always. */
typedef struct BusAccess {
        bool anyone;                /* every caller that the bus policy allows */
        unsigned users;             /* bit i: the i-th user of the authority */
        const char *action;         /* of polkit, which decides about all others; NULL: they are denied */
        const char *const *details; /* for polkit: key, value, …, NULL; NULL: none */
} BusAccess;

/* Gets the message rewound. Acts and replies itself, then returns 0; a DevboxError or an errno is sent as
 * the reply, -EBADMSG as DEVBOX_ERROR_BAD_REQUEST. */
typedef int (*BusContinuation)(sd_bus_message *message, void *userdata);

typedef struct BusAuthorityStats {
        uint64_t calls_total, denied_total;
} BusAuthorityStats;

/* `users` are names, NULL-terminated and looked up once; users that do not exist have no rights. */
int bus_authority_new(sd_bus *bus, const char *const *users, BusAuthority **ret_authority);

/* Pending authorisations end without a reply. */
BusAuthority *bus_authority_free(BusAuthority *authority);
DEFINE_CLEANUP(BusAuthority, bus_authority_free);

/* Calls the continuation, now or later, or replies with an error: DEVBOX_ERROR_ACCESS_DENIED, _BUSY too many
 * are pending, or InteractiveAuthorizationRequired where the caller did not allow polkit to ask its user.
 * Calls of one client that need no polkit check keep their order. Returns what a vtable handler returns.
 */
int bus_authorise(BusAuthority *authority, sd_bus_message *message, const BusAccess *access,
                  BusContinuation continuation, void *userdata);

const BusAuthorityStats *bus_authority_stats(const BusAuthority *authority);

/* The user of the caller, in a continuation whose access did not let in anyone. Errors: -ENOENT not known
 * any more: the client calls again. */
int bus_authority_caller(const BusAuthority *authority, sd_bus_message *message, uid_t *ret_uid);
