/* SPDX-License-Identifier: MIT */
/* The real dispatcher on a private bus. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-polkit.h"
#include "introspect.h"

#define DISPATCH "org.devbox.Dispatch1"
#define SUBMIT   "org.devbox.dispatch.submit"
#define APPROVE  "org.devbox.dispatch.approve"
#define KEY_SIZE 32

typedef struct DispatchBus {
        TestBus *bus;
        TestDaemon *daemon;
        char directory[96], variable[128];
} DispatchBus;

typedef struct Keys {
        uint8_t keys[2][KEY_SIZE];
} Keys;

static TestDaemon *start_dispatch(const DispatchBus *world, bool no_wait)
{
        const char *const environment[] = { world->variable, NULL };

        return test_daemon_start_full(world->bus,
                                      &(TestDaemonOptions){ .program = "src/dispatch/devbox-dispatch",
                                                            .name = DISPATCH,
                                                            .environment = environment,
                                                            .no_wait = no_wait });
}

static int up(void **state)
{
        DispatchBus *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->bus = test_bus_new();
        (void) snprintf(world->directory, sizeof world->directory, "%s/state", world->bus->directory);
        (void) snprintf(world->variable, sizeof world->variable, "STATE_DIRECTORY=%s", world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        world->daemon = start_dispatch(world, false);
        *state = world;
        return 0;
}

static int down(void **state)
{
        DispatchBus *world = *state;

        test_daemon_free(world->daemon);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

static Keys get_keys(const DispatchBus *world)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->bus->client, DISPATCH, DISPATCH ".GetKeys");
        const void *bytes;
        size_t size;
        Keys keys;

        for (size_t i = 0; i < 2; i++) {
                assert_ok(sd_bus_message_read_array(reply, 'y', &bytes, &size));
                assert_int_equal(size, KEY_SIZE);
                memcpy(keys.keys[i], bytes, KEY_SIZE);
        }

        return keys;
}

static void test_introspects_as_promised(void **state)
{
        const DispatchBus *world = *state;

        assert_introspects(world->bus, DISPATCH, DISPATCH);
        assert_introspects(world->bus, DISPATCH, "org.devbox.Component1");
}

static void test_keys_last(void **state)
{
        DispatchBus *world = *state;
        Keys before = get_keys(world);

        assert_memory_not_equal(before.keys[0], before.keys[1], KEY_SIZE);
        sd_bus_message_unref(test_call(world->bus->client, DISPATCH, "org.devbox.Component1.Restart"));
        assert_int_equal(test_daemon_wait(world->daemon), 75);
        test_daemon_free(world->daemon);
        world->daemon = start_dispatch(world, false);
        Keys after = get_keys(world);
        assert_memory_equal(&before, &after, sizeof before);
        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
}

/* Another seal, or a key that others may read, ends the start. */
static void test_keys_that_do_not_open(void **state)
{
        DispatchBus *world = *state;
        char seal[128], key[128];

        (void) snprintf(seal, sizeof seal, "%s/seal", world->directory);
        (void) snprintf(key, sizeof key, "%s/attester.key", world->directory);
        assert_int_equal(test_daemon_stop(world->daemon), EXIT_SUCCESS);
        test_daemon_free(world->daemon);
        assert_int_equal(chmod(key, 0640), 0);
        world->daemon = start_dispatch(world, true);
        assert_int_equal(test_daemon_wait(world->daemon), EXIT_FAILURE);
        test_bus_wait_log(world->bus, DISPATCH, "others may access them");

        test_daemon_free(world->daemon);
        assert_int_equal(chmod(key, 0600), 0);
        assert_int_equal(unlink(seal), 0);
        world->daemon = start_dispatch(world, true);
        assert_int_equal(test_daemon_wait(world->daemon), EXIT_FAILURE);
        test_bus_wait_log(world->bus, DISPATCH, "do not open with this seal");
}

static void test_polkit_decides(void **state)
{
        static const MethodRow rows[] = {
                { "Submit", "ssSD", SUBMIT, "org.devbox.Error.BadRequest" },
                { "Run", "ssSDh", SUBMIT, "org.devbox.Error.BadRequest" },
                { "ReplayTest", "sh", SUBMIT, "org.devbox.Error.BadEnvelope" },
                { "Cancel", "s", SUBMIT, "org.devbox.Error.RequestUnknown" },
                { "CancelFor", "ss", SUBMIT, "org.devbox.Error.BadRequest" },
                { "Approve", "sD", APPROVE, "org.devbox.Error.RequestUnknown" },
                { "Deny", "sD", APPROVE, "org.devbox.Error.RequestUnknown" },
                { "Withdraw", "sD", APPROVE, "org.devbox.Error.RequestUnknown" },
        };
        const DispatchBus *world = *state;

        if (geteuid() != 0)
                skip(); /* only root can be several users */

        assert_polkit_decides(world->bus, DISPATCH, rows, ELEMENTSOF(rows));
}

#define dispatch_test(function) cmocka_unit_test_setup_teardown(function, up, down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                dispatch_test(test_introspects_as_promised),
                dispatch_test(test_keys_last),
                dispatch_test(test_keys_that_do_not_open),
                dispatch_test(test_polkit_decides),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
