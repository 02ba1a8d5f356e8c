/* SPDX-License-Identifier: MIT */
/* Drives fake-systemd.c. */

#include "fake.h"

#define CONTROL "org.freedesktop.systemd1", "/org/devbox/FakeSystemd1", "org.devbox.FakeSystemd1"

TestDaemon *fake_start(const TestBus *bus)
{
        return test_daemon_start(bus, "tests/bus/fake-systemd", "org.freedesktop.systemd1");
}

void fake_set_unit(const TestBus *bus, const FakeUnit *unit)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "SetUnit", NULL, NULL, "sssstt", unit->id,
                                     unit->load_state ?: "loaded", unit->active_state ?: "active",
                                     unit->sub_state ?: "running", unit->active_enter_at_usec,
                                     unit->active_exit_at_usec));
}

void fake_set_alias(const TestBus *bus, const char *id, const char *alias)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "SetAlias", NULL, NULL, "ss", id, alias));
}

void fake_listen(const TestBus *bus, const char *path, const char *id)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Listen", NULL, NULL, "ss", path, id));
}

void fake_flush(const TestBus *bus)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Flush", NULL, NULL, NULL));
}

void fake_finish(const TestBus *bus, const char *id, const char *result, int exit_status)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Finish", NULL, NULL, "ssi", id, result,
                                     exit_status));
}

void fake_reload(const TestBus *bus)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Reload", NULL, NULL, NULL));
}

void fake_fail(const TestBus *bus, const char *member, const char *error_name)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Fail", NULL, NULL, "ss", member,
                                     strempty(error_name)));
}

void fake_hold(const TestBus *bus, const char *member)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Hold", NULL, NULL, "sb", member, true));
}

void fake_release(const TestBus *bus, const char *member)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "Hold", NULL, NULL, "sb", member, false));
}

uint64_t fake_calls(const TestBus *bus, const char *member)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t calls = 0;

        assert_ok(sd_bus_call_method(bus->client, CONTROL, "GetCalls", NULL, &reply, "s", member));
        assert_ok(sd_bus_message_read(reply, "t", &calls));
        return calls;
}

void fake_wait_calls(const TestBus *bus, const char *member, uint64_t calls)
{
        assert_ok(sd_bus_call_method(bus->client, CONTROL, "WaitCalls", NULL, NULL, "st", member, calls));
}

unsigned fake_subscribers(const TestBus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t count = 0;

        assert_ok(sd_bus_call_method(bus->client, CONTROL, "GetSubscribers", NULL, &reply, NULL));
        assert_ok(sd_bus_message_read(reply, "u", &count));
        return count;
}
