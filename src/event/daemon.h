/* SPDX-License-Identifier: MIT */
#pragma once

/* The lifecycle of a daemon as one call with a table: arguments, log, loop, bus, start, ready, reload,
 * drain, stop, exit status. The main.c of a daemon is its DaemonType and its own steps. */

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* Beside EXIT_SUCCESS and EXIT_FAILURE. RestartForceExitStatus= of the units names the second. */
enum { DAEMON_EXIT_USAGE = 2, DAEMON_EXIT_RESTART = 75 };

typedef struct Daemon Daemon;

typedef struct DaemonOption {
        const char *name, *value, *help; /* --name VALUE */

        /* Errors: -EINVAL and the like end the program with DAEMON_EXIT_USAGE. */
        int (*set)(void *self, const char *value);
} DaemonOption;

typedef struct DaemonType {
        const char *name;            /* "devbox-ledger": the program, its log identifier, its connection */
        const char *summary;         /* what it does, for --help; whole sentences */
        const char *manual;          /* "devbox-ledger(8)" */
        const DaemonOption *options; /* ends with a row without a name; NULL: only --version and --help */
        bool on_bus;                 /* connects to the system bus before start(); its loss ends the loop */

        void *(*new)(void); /* NULL: no memory */
        void (*free)(void *self);

        /* Errors: end the program; logged here, unless -EALREADY, which start() has logged itself. */
        int (*start)(void *self, Daemon *daemon);

        /* SIGHUP; NULL: ignored. Logs its own problems; an error ends the loop. */
        int (*reload)(void *self);

        /* Once: begins to drain, and calls daemon_exit() when nothing is under way any more, now or later.
         * NULL: nothing to drain. Errors: end the loop. */
        int (*stop)(void *self);
} DaemonType;

/* Runs the daemon to its end; returns the exit status of the process. */
int daemon_run(const DaemonType *type, int argc, char **argv);

/* Borrowed. The bus is NULL unless `on_bus`. */
sd_event *daemon_event(const Daemon *daemon);
sd_bus *daemon_bus(const Daemon *daemon);

/* Stops the daemon as SIGTERM does, with this exit status, in the next iteration of the loop: the reply to
 * its caller is sent first. Later calls change nothing. */
void daemon_stop(Daemon *daemon, int exit_status);

/* Leaves the loop with the status of daemon_stop() as soon as `bus` has passed on everything that was sent:
 * a process that closes its connection right after a reply can lose the reply. NULL: leaves it immediately.
 */
void daemon_exit(Daemon *daemon, sd_bus *bus);

/* One line for systemctl status. */
void daemon_notify_status(const char *text);
