/* SPDX-License-Identifier: MIT */
#pragma once

/* The one loop of a daemon and the signals that systemd sends it. */

#include <systemd/sd-event.h>

typedef struct DaemonHandlers {
        int (*on_stop)(void *owner);   /* SIGTERM, SIGINT; NULL: leave the loop at once */
        int (*on_reload)(void *owner); /* SIGHUP; NULL: SIGHUP is ignored */
} DaemonHandlers;

/* Makes the thread's default loop and takes over SIGTERM, SIGINT and SIGHUP; SIGPIPE is ignored. `handlers`
 * is copied, `owner` must outlive the loop. A handler that fails ends the loop with its error. */
int daemon_new_event(const DaemonHandlers *handlers, void *owner, sd_event **ret_event);

/* Tells systemd that start-up is done; harmless where nobody listens. */
void daemon_notify_ready(void);
void daemon_notify_reloading(void);

/* One line for people, which systemctl status shows. */
void daemon_notify_status(const char *text);
void daemon_notify_stopping(void);
