/* SPDX-License-Identifier: MIT */
#pragma once

/* The system bus, of this machine or of another one over ssh, and calls of a daemon on it. They are
 * synchronous: a command line has nothing else to do.
 *
 * Functions return 0, or a DevboxError when a person can act; then `ret_problem` is a sentence with what to
 * do, which the caller frees. Errors: -ENOMEM. */

#include <systemd/sd-bus.h>

#include "basic/time.h"
#include "bus/dictionary.h"
#include "proto/error.h"

typedef struct ClientDaemon {
        const char *title;                /* "devbox-ledger"; its unit has the same name */
        const char *name, *path;          /* on the bus; the interface has the same name */
        DevboxError unavailable, timeout; /* it has no owner; it does not reply in time */
        const char *denied;               /* for a caller whom it rejects; NULL: how to join devbox-admin */
        bool interactive;                 /* polkit may ask for a password: waits two minutes, not 10 s */
} ClientDaemon;

/* `host` is "[USER@]HOST[:PORT]", where systemd-stdio-bridge is run over ssh; NULL: here. The connection is
 * authenticated: the bus keeps it however long a person types before the first call. */
int client_open(const char *host, sd_bus **ret_bus, char **ret_problem);

/* Until the next attempt or poll; the connection is served meanwhile. Errors: those of sd-bus. */
int client_wait(sd_bus *bus, usec_t usec);

/* `types` and the arguments of a call are as sd_bus_message_append() takes them; "": none. */
typedef struct ClientMethod {
        const ClientDaemon *daemon;
        const char *member, *types;
} ClientMethod;

/* A call with these arguments, to which more can be appended. Errors: those of sd-bus. */
int client_new_call(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_call, ...);

/* Sends a call if it could be made, `r`. The caller unrefs the reply; `ret_reply` may be NULL. */
int client_send(const ClientDaemon *daemon, int r, sd_bus_message *call, sd_bus_message **ret_reply,
                char **ret_problem);

/* Makes and sends a call with these arguments. */
int client_call(sd_bus *bus, const ClientMethod *method, sd_bus_message **ret_reply, char **ret_problem,
                ...);

/* The sentence of a failed call: the daemon's own message if it has one, because it has the place and the
 * reason. Returns the reason. */
int client_problem(const ClientDaemon *daemon, const sd_bus_error *error, char **ret_problem);

/* `r` of reading a reply: one that cannot be read is that of a daemon of another version. */
int client_read(const ClientDaemon *daemon, int r, char **ret_problem);

/* Reads one a{sv}. */
int client_read_dictionary(const ClientDaemon *daemon, sd_bus_message *reply,
                           const BusDictionary *dictionary, void *object, char **ret_problem);

/* The rows of a reply, which their texts borrow from. */
typedef struct ClientRows {
        sd_bus_message *reply;
        void *items; /* structs of the type that was read */
        size_t n;
} ClientRows;

void client_rows_done(ClientRows *rows);

/* A method that returns rows, aa{sv}; or one, a{sv}, if `type.max` is 1. */
typedef struct ClientQuery {
        ClientMethod method;
        BusRows type;
} ClientQuery;

/* Calls it with these arguments. */
int client_query(sd_bus *bus, const ClientQuery *query, ClientRows *ret_rows, char **ret_problem, ...);
