/* SPDX-License-Identifier: MIT */
/* Services of the system that devboxctl calls. */

#include "fake-services.h"

#include <stdio.h>

#include "basic/macro.h"

#define METHOD(name, in, out, handler) SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static int on_ignored(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "");
}

static int on_enable(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "ba(sss)", 0, 0);
}

static int on_disable(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(call, "a(sss)", 0);
}

/* Whether a job has started something; $FAKE_FAIL_JOB is a member that fails once. With $FAKE_UNSYNCHRONISED
 * the clock is that. */
static bool started, failed;

static int on_job(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *unit, *mode;

        if (!failed && streq(sd_bus_message_get_member(call), strempty(getenv("FAKE_FAIL_JOB")))) {
                failed = true;
                return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, "no memory");
        }

        int r = sd_bus_message_read(call, "ss", &unit, &mode);
        if (r >= 0)
                r = sd_bus_reply_method_return(call, "o", "/job/1");
        if (r < 0)
                return r;

        started = !streq(sd_bus_message_get_member(call), "StopUnit");
        (void) printf("%s %s\n", sd_bus_message_get_member(call), unit);
        (void) fflush(stdout);
        return sd_bus_emit_signal(sd_bus_message_get_bus(call), "/org/freedesktop/systemd1",
                                  "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 1, "/job/1",
                                  unit, "done");
}

static int get_active(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        bool target = endswith(path, "_2etarget");

        return sd_bus_message_append(reply, "s", !target || started ? "active" : "inactive");
}

static int get_synchronized(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", !getenv("FAKE_UNSYNCHRONISED"));
}

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                     sd_bus_error *error)
{
        *ret_found = userdata;
        return 1;
}

static const sd_bus_vtable manager[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("Subscribe", "", "", on_ignored),
        METHOD("Reload", "", "", on_ignored),
        METHOD("EnableUnitFiles", "asbb", "ba(sss)", on_enable),
        METHOD("DisableUnitFiles", "asb", "a(sss)", on_disable),
        METHOD("StartUnit", "ss", "o", on_job),
        METHOD("RestartUnit", "ss", "o", on_job),
        METHOD("StopUnit", "ss", "o", on_job),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable unit[] = { SD_BUS_VTABLE_START(0),
                                      SD_BUS_PROPERTY("ActiveState", "s", get_active, 0, 0),
                                      SD_BUS_VTABLE_END };
static const sd_bus_vtable clock_vtable[] = {
        SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("NTPSynchronized", "b", get_synchronized, 0, 0),
        SD_BUS_VTABLE_END
};

int fake_services_add(sd_bus *bus)
{
        int r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
                                         "org.freedesktop.systemd1.Manager", manager, NULL);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, "/org/freedesktop/systemd1/unit",
                                               "org.freedesktop.systemd1.Unit", unit, find_unit, bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/timedate1",
                                             "org.freedesktop.timedate1", clock_vtable, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
        return r < 0 ? r : sd_bus_request_name(bus, "org.freedesktop.timedate1", 0);
}
