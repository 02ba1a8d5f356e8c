/* SPDX-License-Identifier: MIT */
/* The policies in dbus/, on a private bus: who receives the signals of a component. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define NOBODY 65534

static const char *const components[] = { "Api1", "Collector1", "Dispatch1", "Ledger1", "Matrix1", "Mesh1" };

typedef struct Listener {
        sd_bus *bus;
        int n_signals, n_owners;
} Listener;

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ((Listener *) userdata)->n_signals++;
        return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ((Listener *) userdata)->n_owners++;
        return 0;
}

static bool has_seen_owner(void *userdata)
{
        return ((Listener *) userdata)->n_owners > 0;
}

static void listen_as(Listener *listener, const TestBus *bus, uid_t uid)
{
        const char *name;

        assert_int_equal(seteuid(uid), 0);
        *listener = (Listener){ .bus = test_bus_connect(bus) };
        assert_ok(sd_bus_get_unique_name(listener->bus, &name));
        assert_int_equal(seteuid(0), 0);
        assert_ok(sd_bus_add_match(listener->bus, NULL, "type='signal',path_namespace='/org/devbox'",
                                   on_signal, listener));
        assert_ok(sd_bus_add_match(listener->bus, NULL,
                                   "type='signal',member='NameOwnerChanged',arg0='org.devbox.End'", on_owner,
                                   listener));
}

static void test_signals_reach_only_who_may_call(void **state)
{
        if (geteuid() != 0)
                skip(); /* only root can be several users */

        _cleanup_(test_bus_freep) TestBus *bus =
                test_bus_new_with("<includedir>" SOURCE_DIR "/dbus</includedir>"
                                  "<policy context=\"mandatory\"><allow own=\"*\"/></policy>");
        Listener root, nobody;

        assert_int_equal(chmod(bus->directory, 0711), 0);
        listen_as(&root, bus, 0);
        listen_as(&nobody, bus, NOBODY);
        for (size_t i = 0; i < ELEMENTSOF(components); i++) {
                char name[64], path[64];

                (void) snprintf(name, sizeof name, "org.devbox.%s", components[i]);
                (void) snprintf(path, sizeof path, "/org/devbox/%s", components[i]);
                assert_ok(sd_bus_request_name(bus->client, name, 0));
                assert_ok(sd_bus_emit_signal(bus->client, path, name, "Something", "s", "text"));
                assert_ok(sd_bus_emit_signal(bus->client, path, "org.freedesktop.DBus.Properties",
                                             "PropertiesChanged", "sa{sv}as", name, 0, 0));
        }

        /* Follows all of them, and everyone may receive it. */
        assert_ok(sd_bus_request_name(bus->client, "org.devbox.End", 0));
        test_bus_process_until(root.bus, has_seen_owner, &root);
        test_bus_process_until(nobody.bus, has_seen_owner, &nobody);
        assert_int_equal(root.n_signals, 2 * ELEMENTSOF(components));
        assert_int_equal(nobody.n_signals, 0);

        sd_bus_flush_close_unref(root.bus);
        sd_bus_flush_close_unref(nobody.bus);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signals_reach_only_who_may_call),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
