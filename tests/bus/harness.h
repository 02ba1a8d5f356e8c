/* SPDX-License-Identifier: MIT */
#pragma once

/* The bus ring's world: a private dbus-daemon in a directory of its own, and real daemons on it. Needs no
 * root and touches nothing outside that directory.
 *
 * Nothing here sleeps: a daemon is up when its name is owned, down when its process ended, and has logged a
 * line when the line is in its log. Every wait has one generous deadline, which fails the test, so that a
 * hang differs from a slow machine. What the harness started is killed with the test program. */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "test.h"

#define TEST_DEADLINE_SEC 60

typedef struct TestBus {
        char *directory; /* holds the socket, config.yaml, services/ and a NAME.log of each daemon */
        char *address;
        char *config_path; /* the $DEVBOX_CONFIG of every daemon */
        char *address_variable, *config_variable;
        pid_t pid;
        sd_bus *client; /* for calls of the test, synchronous or not */
} TestBus;

TestBus *test_bus_new(void);
TestBus *test_bus_new_with(const char *config); /* more elements of <busconfig> */
TestBus *test_bus_free(TestBus *bus);

/* Ends the dbus-daemon and starts another at the same address; `client` is a new connection. */
void test_bus_restart(TestBus *bus);
DEFINE_CLEANUP(TestBus, test_bus_free);

/* One more connection, which the caller closes. */
sd_bus *test_bus_connect(const TestBus *bus);

/* Puts the text in the place of config.yaml; NULL removes it. */
void test_bus_write_config(const TestBus *bus, const char *yaml);

/* Lets the bus start the program when the name is called. Its log is NAME.log. */
void test_bus_add_activation(const TestBus *bus, const char *name, const char *program);

bool test_bus_has_owner(const TestBus *bus, const char *name);
void test_bus_wait_owner(const TestBus *bus, const char *name, bool owned);

/* Works for `bus->client` (or another connection) until the condition holds, which may ask a daemon. */
void test_bus_process_until(sd_bus *client, bool (*condition)(void *userdata), void *userdata);

/* All of a daemon's log, also of one that the bus started; the caller frees. Waiting looks for the text from
 * the start of the log. */
char *test_bus_read_log(const TestBus *bus, const char *name);
void test_bus_wait_log(const TestBus *bus, const char *name, const char *text);

typedef struct TestDaemon {
        const TestBus *bus;
        char *name;
        pid_t pid; /* 0: ended and reaped */
        int status;
} TestDaemon;

typedef struct TestDaemonOptions {
        const char *program;          /* relative to the build directory: "src/collector/devbox-collector" */
        const char *name;             /* what it owns on the bus */
        const char *const *arguments; /* NULL-terminated, without the program; NULL: none */
        const char *const *environment; /* NULL-terminated "NAME=value"; NULL: none */
        const int *listen_fds; /* handed over as systemd does: from 3 on, $LISTEN_FDS, $LISTEN_PID */
        size_t n_listen_fds;
        bool no_wait; /* return before it owns its name */
} TestDaemonOptions;

/* Starts the daemon and waits until it owns its name. Its environment has $DBUS_SYSTEM_BUS_ADDRESS and
 * $DEVBOX_CONFIG. */
TestDaemon *test_daemon_start_full(const TestBus *bus, const TestDaemonOptions *options);
TestDaemon *test_daemon_start(const TestBus *bus, const char *program, const char *name);

/* Kills it if it still runs. */
TestDaemon *test_daemon_free(TestDaemon *daemon);
DEFINE_CLEANUP(TestDaemon, test_daemon_free);

void test_daemon_signal(const TestDaemon *daemon, int number);

/* Waits for the end of the process. Returns its exit code, or 128 and the number of the signal that killed
 * it. */
int test_daemon_wait(TestDaemon *daemon);
int test_daemon_stop(TestDaemon *daemon); /* SIGTERM, then as above */

/* Calls a method ("org.devbox.Component1.GetMetrics") of the object that belongs to the name. Returns the
 * reply, which the caller unrefs; fails the test on an error. */
sd_bus_message *test_call(sd_bus *client, const char *name, const char *method);

/* The same for a call that must fail with exactly this D-Bus error; `ret_message` may be NULL, the caller
 * frees it. */
void test_call_error(sd_bus *client, const char *name, const char *method, const char *error_name,
                     char **ret_message);

/* The same without waiting: on_reply() gets the reply or the error. */
void test_call_async(sd_bus *client, const char *name, const char *method, sd_bus_message_handler_t on_reply,
                     void *userdata);

/* One figure of Component1.GetMetrics; fails if there is none of that name. */
double test_metric(sd_bus *client, const char *name, const char *metric);
