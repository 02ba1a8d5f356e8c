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

/* `host` is "[USER@]HOST[:PORT]", where systemd-stdio-bridge is run over ssh; NULL: here. */
int client_open(const char *host, sd_bus **ret_bus, char **ret_problem);

/* Until the next attempt or poll; the connection is served meanwhile. Errors: those of sd-bus. */
int client_wait(sd_bus *bus, usec_t usec);

/* A call without arguments so far. Errors: those of sd-bus. */
int client_new_call(sd_bus *bus, const ClientDaemon *daemon, const char *member, sd_bus_message **ret_call);

/* Sends a call if it could be made, `r`. The caller unrefs the reply. */
int client_send(const ClientDaemon *daemon, int r, sd_bus_message *call, sd_bus_message **ret_reply,
                char **ret_problem);

/* The sentence of a failed call: the daemon's own message if it has one, because it has the place and the
 * reason. Returns the reason. */
int client_problem(const ClientDaemon *daemon, const sd_bus_error *error, char **ret_problem);

/* `r` of reading a reply: one that cannot be read is that of a daemon of another version. */
int client_read(const ClientDaemon *daemon, int r, char **ret_problem);

/* The rows of a reply, which their texts borrow from. */
typedef struct ClientRows {
        sd_bus_message *reply;
        void *items; /* structs of the type that was read */
        size_t n;
} ClientRows;

void client_rows_done(ClientRows *rows);

/* Reads one aa{sv} of rows->reply, or one a{sv} as its only row; on a failure as well the caller calls
 * client_rows_done(). */
int client_read_rows(const ClientDaemon *daemon, const BusRows *type, ClientRows *rows, char **ret_problem);
int client_read_row(const ClientDaemon *daemon, const BusRows *type, ClientRows *row, char **ret_problem);

/* A method without arguments that returns rows. */
typedef struct ClientList {
        const ClientDaemon *daemon;
        const char *member;
        BusRows type;
} ClientList;

int client_list(sd_bus *bus, const ClientList *list, ClientRows *ret_rows, char **ret_problem);
