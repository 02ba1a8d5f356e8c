/* SPDX-License-Identifier: MIT */
/* The lifecycle of a daemon.
 *
 *     arguments → log → new → options → loop, signals → bus → start → READY=1 → loop
 *     SIGHUP: RELOADING=1 → reload → READY=1
 *     SIGTERM, SIGINT, daemon_stop(): STOPPING=1 → stop → … → daemon_exit() → free
 *
 * stop() runs from a source of its own, never inside a handler of the bus: it may dispatch what the bus has
 * already delivered. */

#include "event/daemon.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "basic/macro.h"
#include "basic/time.h"
#include "log/log.h"

#define OPTIONS_MAX 8
#define HEAP_SPARE  (128 << 10) /* bytes at its end that are kept */

struct Daemon {
        const DaemonType *type;
        void *self;
        sd_event *event;
        sd_bus *bus;
        sd_event_source *source_stop;
        sd_bus_slot *slot_exit;
        bool stopping;
        int exit_status;
};

sd_event *daemon_event(const Daemon *daemon)
{
        return daemon->event;
}

sd_bus *daemon_bus(const Daemon *daemon)
{
        return daemon->bus;
}

void daemon_notify_status(const char *text)
{
        (void) sd_notifyf(false, "STATUS=%s", text);
}

/* ---- arguments */

/* What --help and --version print must have arrived: `devbox-api --version > /dev/full` fails. */
static int finish_output(const DaemonType *type)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return EXIT_SUCCESS;

        (void) fprintf(stderr, "%s: cannot write to standard output: %m\n", type->name);
        return EXIT_FAILURE;
}

static int print_help(const DaemonType *type)
{
        (void) printf("%s [OPTION]...\n\n%s\n\n", type->name, type->summary);
        for (const DaemonOption *option = type->options; option && option->name; option++) {
                int n = printf("  --%s %s", option->name, option->value);

                (void) printf("%*s%s\n", MAX(20 - n, 1), "", option->help);
        }
        (void) printf("  --version         print the version\n"
                      "  --help            print this\n"
                      "\n"
                      "See %s.\n",
                      type->manual);
        return finish_output(type);
}

static int usage_error(const DaemonType *type, const char *what, const char *word)
{
        (void) fprintf(stderr, "%s: %s '%s'; see %s --help\n", type->name, what, word, type->name);
        return DAEMON_EXIT_USAGE;
}

/* Returns -1 to go on, or the exit status of the program. */
static int parse_arguments(const Daemon *daemon, int argc, char **argv)
{
        const DaemonType *type = daemon->type;
        struct option rows[OPTIONS_MAX + 3] = { { "version", no_argument, NULL, 'V' },
                                                { "help", no_argument, NULL, 'h' } };
        int c, index = 0;

        for (size_t i = 0; type->options && type->options[i].name; i++) {
                assert(i < OPTIONS_MAX);
                rows[2 + i] = (struct option){ type->options[i].name, required_argument, NULL, 'o' };
        }

        while ((c = getopt_long(argc, argv, "hV", rows, &index)) >= 0)
                switch (c) {
                case 'V':
                        (void) printf("%s %s\n", type->name, DEVBOX_VERSION);
                        return finish_output(type);
                case 'h':
                        return print_help(type);
                case 'o':
                        if (type->options[index - 2].set(daemon->self, optarg) < 0)
                                return usage_error(type, "cannot take the value", optarg);
                        break;
                default: /* getopt has printed why */
                        return DAEMON_EXIT_USAGE;
                }

        return optind == argc ? -1 : usage_error(type, "unknown argument", argv[optind]);
}

/* ---- stopping */

static int on_stop(sd_event_source *source, void *userdata)
{
        Daemon *daemon = userdata;

        if (daemon->type->stop)
                return daemon->type->stop(daemon->self);

        daemon_exit(daemon, daemon->bus);
        return 0;
}

void daemon_stop(Daemon *daemon, int exit_status)
{
        if (daemon->stopping)
                return;

        daemon->stopping = true;
        daemon->exit_status = exit_status;
        (void) sd_notify(false, "STOPPING=1");
        (void) sd_event_source_set_enabled(daemon->source_stop, SD_EVENT_ONESHOT);
}

static int on_flushed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const Daemon *daemon = userdata;

        return sd_event_exit(daemon->event, daemon->exit_status);
}

void daemon_exit(Daemon *daemon, sd_bus *bus)
{
        if (daemon->slot_exit)
                return;

        /* dbus-daemon drops a connection, with all that it has not read of it yet, as soon as it cannot
         * write to it. It handles our messages in order: its reply to this one follows all that we sent
         * before. */
        int r = bus ? sd_bus_call_method_async(bus, &daemon->slot_exit, "org.freedesktop.DBus",
                                               "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                                               on_flushed, daemon, NULL)
                    : -ENOTCONN;
        if (r < 0)
                (void) sd_event_exit(daemon->event, daemon->exit_status);
}

static int reload(Daemon *daemon)
{
        if (!daemon->type->reload || daemon->stopping)
                return 0;

        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) time_now(CLOCK_MONOTONIC));
        int r = daemon->type->reload(daemon->self);
        (void) sd_notify(false, "READY=1");
        return r;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        Daemon *daemon = userdata;

        if (info->ssi_signo == SIGHUP)
                return reload(daemon);

        daemon_stop(daemon, EXIT_SUCCESS);
        return 0;
}

/* ---- starting */

static int add_floating(sd_event_source *take_source)
{
        _cleanup_(sd_event_source_unrefp) sd_event_source *source = take_source;

        int r = sd_event_source_set_exit_on_failure(source, true);
        if (r < 0)
                return r;

        return sd_event_source_set_floating(source, true);
}

static int make_loop(Daemon *daemon)
{
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sd_event_source *source;
        sigset_t mask;

        int r = sd_event_default(&daemon->event);
        if (r < 0)
                return r;

        (void) signal(SIGPIPE, SIG_IGN);
        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(daemon->event, &source, signals[i], on_signal, daemon);
                if (r < 0)
                        return r;
                /* before calls that were sent after the signal: they see the reloaded configuration */
                r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
                if (r < 0)
                        return r;
                r = add_floating(source);
                if (r < 0)
                        return r;
        }

        r = sd_event_add_defer(daemon->event, &daemon->source_stop, on_stop, daemon);
        if (r < 0)
                return r;
        r = sd_event_source_set_exit_on_failure(daemon->source_stop, true);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(daemon->source_stop, SD_EVENT_OFF);
}

static int connect_bus(Daemon *daemon)
{
        int r = sd_bus_open_system_with_description(&daemon->bus, daemon->type->name);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(daemon->bus, daemon->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        return sd_bus_set_exit_on_disconnect(daemon->bus, true);
}

static int run(Daemon *daemon)
{
        int r = make_loop(daemon);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop");
        r = daemon->type->on_bus ? connect_bus(daemon) : 0;
        if (r < 0)
                return log_error_errno(r, "Cannot open the system bus");
        r = daemon->type->start(daemon->self, daemon);
        if (r < 0)
                return r == -EALREADY ? r : log_error_errno(r, "Cannot start");

        (void) sd_notify(false, "READY=1");
        r = sd_event_loop(daemon->event);
        return r < 0 ? log_error_errno(r, "The event loop failed") : r;
}

static void daemon_done(Daemon *daemon)
{
        daemon->type->free(daemon->self);
        sd_bus_slot_unref(daemon->slot_exit);
        sd_event_source_disable_unref(daemon->source_stop);
        sd_bus_flush_close_unref(daemon->bus);
        sd_event_unref(daemon->event);
}

int daemon_run(const DaemonType *type, int argc, char **argv)
{
        Daemon daemon = { .type = type, .self = type->new () };

        if (!daemon.self) {
                (void) fprintf(stderr, "%s: out of memory\n", type->name);
                return EXIT_FAILURE;
        }

        int r = parse_arguments(&daemon, argc, argv);
        if (r < 0) {
                log_open(type->name);
                (void) umask(0077);
                /* Else glibc raises it with each large block, and a peak would stay: mallopt(3). */
                (void) mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
                r = run(&daemon);
        }

        daemon_done(&daemon);
        return r < 0 ? EXIT_FAILURE : r;
}
