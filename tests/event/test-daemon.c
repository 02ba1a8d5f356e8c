/* SPDX-License-Identifier: MIT */
/* The one loop of a daemon and the signals that systemd sends it. */

#include "event/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

typedef struct Owner {
        sd_event *event;
        int n_stops, n_reloads, result;
} Owner;

static int on_stop(void *userdata)
{
        Owner *owner = userdata;

        owner->n_stops++;
        return owner->result < 0 ? owner->result : sd_event_exit(owner->event, 7);
}

static int on_reload(void *userdata)
{
        Owner *owner = userdata;

        owner->n_reloads++;
        return owner->result;
}

static void test_signals_reach_their_handlers(void **state)
{
        static const int stops[] = { SIGTERM, SIGINT };

        for (size_t i = 0; i < ELEMENTSOF(stops); i++) {
                _cleanup_(sd_event_unrefp) sd_event *event = NULL;
                Owner owner = { 0 };

                assert_ok(daemon_new_event(&(DaemonHandlers){ on_stop, on_reload }, &owner, &event));
                owner.event = event;

                assert_int_equal(raise(SIGHUP), 0);
                while (owner.n_reloads == 0)
                        assert_ok(sd_event_run(event, UINT64_MAX));
                assert_int_equal(owner.n_stops, 0);

                assert_int_equal(raise(stops[i]), 0);
                assert_int_equal(sd_event_loop(event), 7);
                assert_int_equal(owner.n_stops, 1);
                assert_int_equal(owner.n_reloads, 1);
        }
}

static void test_without_handlers_a_stop_leaves_the_loop(void **state)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;

        assert_ok(daemon_new_event(&(DaemonHandlers){ NULL, NULL }, NULL, &event));
        assert_int_equal(raise(SIGHUP), 0);
        assert_ok(sd_event_run(event, UINT64_MAX)); /* ignored */
        assert_int_equal(raise(SIGTERM), 0);
        assert_int_equal(sd_event_loop(event), 0);
}

static void test_a_failing_handler_ends_the_loop(void **state)
{
        static const int signals[] = { SIGTERM, SIGHUP };

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                _cleanup_(sd_event_unrefp) sd_event *event = NULL;
                Owner owner = { .result = -EXDEV };

                assert_ok(daemon_new_event(&(DaemonHandlers){ on_stop, on_reload }, &owner, &event));
                assert_int_equal(raise(signals[i]), 0);
                assert_err(sd_event_loop(event), -EXDEV);
        }
}

static void test_a_closed_pipe_is_no_reason_to_die(void **state)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int ends[2];

        assert_ok(daemon_new_event(&(DaemonHandlers){ NULL, NULL }, NULL, &event));
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(write(ends[1], "x", 1), -1);
        assert_int_equal(errno, EPIPE);
        assert_int_equal(close(ends[1]), 0);
}

static void receive(int fd, const char *expected)
{
        char text[128];

        ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
        assert_true(n > 0);
        text[n] = '\0';
        assert_true(startswith(text, expected));
}

static void test_systemd_is_told(void **state)
{
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char name[32];

        daemon_notify_ready(); /* nobody listens */

        /* An abstract address: "@name" in the environment. */
        int length = snprintf(name, sizeof name, "@devbox-test-%d", (int) getpid());
        memcpy(address.sun_path + 1, name + 1, (size_t) length - 1);
        assert_int_equal(bind(fd, (struct sockaddr *) &address,
                              (socklen_t) (offsetof(struct sockaddr_un, sun_path) + (size_t) length)),
                         0);
        assert_int_equal(setenv("NOTIFY_SOCKET", name, true), 0);

        daemon_notify_ready();
        receive(fd, "READY=1");
        daemon_notify_reloading();
        receive(fd, "RELOADING=1\nMONOTONIC_USEC=");
        daemon_notify_stopping();
        receive(fd, "STOPPING=1");
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signals_reach_their_handlers),
                cmocka_unit_test(test_without_handlers_a_stop_leaves_the_loop),
                cmocka_unit_test(test_a_failing_handler_ends_the_loop),
                cmocka_unit_test(test_a_closed_pipe_is_no_reason_to_die),
                cmocka_unit_test(test_systemd_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
