/* SPDX-License-Identifier: MIT */
#pragma once

/* Drives fake-systemd.c, the org.freedesktop.systemd1 of the bus ring. Each function returns when the fake
 * has done it, so that whatever the test sends afterwards finds it so. */

#include "harness.h"

typedef struct FakeUnit {
        const char *id;           /* "ssh.service" */
        const char *load_state;   /* NULL: "loaded" */
        const char *active_state; /* NULL: "active" */
        const char *sub_state;    /* NULL: "running" */
        uint64_t active_enter_at_usec, active_exit_at_usec;
} FakeUnit;

/* Starts it on the bus; it ends with test_daemon_free() or test_daemon_stop(). */
TestDaemon *fake_start(const TestBus *bus);

/* Makes or changes a unit; PropertiesChanged is sent while there is a subscriber. Units that were never set
 * are not-found. */
void fake_set_unit(const TestBus *bus, const FakeUnit *unit);
void fake_set_alias(const TestBus *bus, const char *id, const char *alias);

/* As the socket unit of a service (Accept=no, FlushPending=yes): listens at `path`, and a connection
 * starts the unit, a call of "Trigger". When that fails the socket is gone. Flushing rejects what is
 * pending, as the end of the service does. */
void fake_listen(const TestBus *bus, const char *path, const char *id);
void fake_flush(const TestBus *bus);

/* StartUnit and a connection put a unit into "activating" with a new InvocationID; this ends it: Result
 * "success" leaves it inactive, anything else ("exit-code", "timeout", …) failed. */
void fake_finish(const TestBus *bus, const char *id, const char *result, int exit_status);

/* daemon-reload: Reloading(true), Reloading(false). */
void fake_reload(const TestBus *bus);

/* From now on the member answers with this D-Bus error; NULL: works again. */
void fake_fail(const TestBus *bus, const char *member, const char *error_name);

/* From now on calls of the member wait, until fake_release(), which answers those that wait. Members:
 * "ListUnitsByNames", "Subscribe", "Unsubscribe", "GetUnit", "LoadUnit", "StartUnit", "Get", "GetAll",
 * "Trigger". */
void fake_hold(const TestBus *bus, const char *member);
void fake_release(const TestBus *bus, const char *member);

/* How often the member ("total": any) was called since the fake started; waiting: at least so often. */
uint64_t fake_calls(const TestBus *bus, const char *member);
void fake_wait_calls(const TestBus *bus, const char *member, uint64_t calls);
unsigned fake_subscribers(const TestBus *bus);
