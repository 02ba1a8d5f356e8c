/* SPDX-License-Identifier: MIT */
/* devbox-api: start and end. */

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "api/api.h"
#include "api/listen.h"
#include "event/daemon.h"
#include "log/log.h"

#define LISTEN_MAX 8

typedef struct Options {
        const char *listen[LISTEN_MAX];
        size_t n_listen;
} Options;

static int help(void)
{
        (void) puts(
                "devbox-api [--listen ADDRESS]...\n"
                "\n"
                "Answers HTTP on the sockets that systemd hands over (devbox-api.socket).\n"
                "\n"
                "  --listen ADDRESS  listen here as well: 127.0.0.1:8080, [::1]:8080 or /path/of/a/socket\n"
                "  --version         print the version\n"
                "  --help            print this\n"
                "\n"
                "See devbox-api(8).");
        return 0;
}

/* Returns 1 to go on, otherwise <= 0 and the exit code is in `ret_exit`. */
static int parse_arguments(int argc, char **argv, Options *options, int *ret_exit)
{
        static const struct option rows[] = {
                { "listen", required_argument, NULL, 'l' },
                { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },
                {},
        };

        *ret_exit = EXIT_SUCCESS;
        for (int c = getopt_long(argc, argv, "", rows, NULL); c >= 0;
             c = getopt_long(argc, argv, "", rows, NULL))
                switch (c) {
                case 'l':
                        if (options->n_listen < LISTEN_MAX) {
                                options->listen[options->n_listen++] = optarg;
                                break;
                        }
                        (void) fprintf(stderr, "devbox-api: at most %d --listen\n", LISTEN_MAX);
                        *ret_exit = 2;
                        return 0;
                case 'v':
                        (void) puts("devbox-api " DEVBOX_VERSION);
                        return 0;
                case 'h':
                        return help();
                default:
                        *ret_exit = 2;
                        return 0;
                }

        if (optind == argc)
                return 1;

        (void) fprintf(stderr, "devbox-api: unknown argument '%s'; see devbox-api --help\n", argv[optind]);
        *ret_exit = 2;
        return 0;
}

/* Says as well where it listens. The unit's ListenStream= is where it should: the two differ from a
 * daemon-reload with another address to the restart of the socket. */
static int take(Api *api, int fd, Text *where)
{
        text_append(where, where->size > 0 ? ", " : "Listening on ");
        (void) listen_append_address(fd, where); /* where it fails, so does the next */
        return api_listen_take(api, fd);
}

static int listen_everywhere(Api *api, const Options *options)
{
        _cleanup_(text_done) Text where = TEXT_NULL;
        int n_fds = sd_listen_fds(true);
        if (n_fds < 0)
                return log_error_errno(n_fds, "Cannot take the sockets of systemd");
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n_fds; fd++) {
                int r = take(api, fd, &where);
                if (r < 0)
                        return log_error_errno(r, "Cannot listen on the sockets of systemd");
        }

        for (size_t i = 0; i < options->n_listen; i++) {
                int fd = listen_on(options->listen[i]);
                int r = fd < 0 ? fd : take(api, fd, &where);
                if (r < 0)
                        return log_error_errno(r, "Cannot listen on %s", options->listen[i]);
        }

        if (where.error == 0 && where.size > 0)
                daemon_notify_status(where.data);
        if (n_fds > 0 || options->n_listen > 0)
                return 0;

        return log_error_errno(-EDESTADDRREQ,
                               "No socket to listen on: start devbox-api.socket, or give --listen");
}

static int run(const Options *options)
{
        static const DaemonHandlers handlers = { .on_stop = api_on_stop, .on_reload = api_on_reload };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(api_freep) Api *api = NULL;

        int r = api_new(&api);
        if (r < 0)
                return log_error_errno(r, "Cannot set up");
        r = daemon_new_event(&handlers, api, &event);
        if (r < 0)
                return log_error_errno(r, "Cannot make the event loop");
        r = api_start(api, event);
        if (r < 0)
                return log_error_errno(r, "Cannot start");
        r = listen_everywhere(api, options);
        if (r < 0)
                return r;

        daemon_notify_ready();
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "The event loop failed") : r;
}

int main(int argc, char **argv)
{
        Options options = { 0 };
        int code;

        if (parse_arguments(argc, argv, &options, &code) <= 0)
                return code;

        log_open("devbox-api");
        (void) umask(0077);
        int r = run(&options);
        return r < 0 ? EXIT_FAILURE : r;
}
