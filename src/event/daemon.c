/* SPDX-License-Identifier: MIT */
/* The one loop of a daemon and the signals that systemd sends it. */

#include "event/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "basic/macro.h"
#include "basic/time.h"

typedef struct Daemon {
        DaemonHandlers handlers;
        void *owner;
} Daemon;

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *daemon = userdata;

        if (info->ssi_signo == SIGHUP)
                return daemon->handlers.on_reload ? daemon->handlers.on_reload(daemon->owner) : 0;
        if (daemon->handlers.on_stop)
                return daemon->handlers.on_stop(daemon->owner);

        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void on_destroy(void *userdata)
{
        free(userdata);
}

int daemon_new_event(const DaemonHandlers *handlers, void *owner, sd_event **ret_event)
{
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        sigset_t mask;

        int r = sd_event_default(&event);
        if (r < 0)
                return r;

        (void) signal(SIGPIPE, SIG_IGN);
        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
                _cleanup_(freep) Daemon *daemon = malloc(sizeof *daemon);
                if (!daemon)
                        return -ENOMEM;

                *daemon = (Daemon){ .handlers = *handlers, .owner = owner };
                r = sd_event_add_signal(event, &source, signals[i], on_signal, daemon);
                if (r < 0)
                        return r;
                (void) sd_event_source_set_destroy_callback(source, on_destroy);
                TAKE_PTR(daemon);

                r = sd_event_source_set_exit_on_failure(source, true);
                if (r < 0)
                        return r;
                r = sd_event_source_set_floating(source, true);
                if (r < 0)
                        return r;
        }

        *ret_event = TAKE_PTR(event);
        return 0;
}

void daemon_notify_ready(void)
{
        (void) sd_notify(false, "READY=1");
}

void daemon_notify_reloading(void)
{
        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) time_now(CLOCK_MONOTONIC));
}

void daemon_notify_status(const char *text)
{
        (void) sd_notifyf(false, "STATUS=%s", text);
}

void daemon_notify_stopping(void)
{
        (void) sd_notify(false, "STOPPING=1");
}
