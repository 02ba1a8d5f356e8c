/* SPDX-License-Identifier: MIT */
/* The well-known name of a daemon and its org.devbox.Component1. */

#include "bus/component.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/macro.h"
#include "bus/error.h"
#include "log/log.h"

#define METRIC_KEY_MAX 160

static int method_get_metrics(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Component *component = userdata;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = component->append_metrics(reply, component->owner);
        if (r < 0)
                return r;

        return sd_bus_send(NULL, reply, NULL);
}

static int method_restart(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Component *component = userdata;
        const char *detail = NULL;

        int r = component->restart(component->owner, &detail);
        if (r != 0)
                return bus_error_set(error, r, detail);

        return sd_bus_reply_method_return(message, NULL);
}

static int property_get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", DEVBOX_VERSION);
}

static int property_get_healthy(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Component *component = userdata;

        if (component->update_health)
                component->update_health(component->owner);
        return sd_bus_message_append(reply, "b", component->healthy);
}

static const sd_bus_vtable component_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("StartedAt", "t", NULL, offsetof(Component, started_at_usec),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Healthy", "b", property_get_healthy, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD_WITH_ARGS("GetMetrics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sd}", metrics),
                                method_get_metrics, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_restart,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Component *component = userdata;
        uint32_t outcome = 0;

        /* org.freedesktop.DBus.RequestName: 1 we own it now, 2 we wait, 3 another connection owns it, 4 we
         * owned it already. */
        int r = sd_bus_message_is_method_error(reply, NULL) ? -sd_bus_message_get_errno(reply)
                                                            : sd_bus_message_read(reply, "u", &outcome);
        if (r >= 0 && outcome != 1 && outcome != 4)
                r = -EEXIST;
        if (r >= 0) {
                if (component->on_name_owned)
                        component->on_name_owned(component->owner);
                return 0;
        }

        log_error_errno(r, "Cannot own the name %s on the bus", component->bus_name);
        return sd_event_exit(sd_bus_get_event(component->bus), r);
}

int component_attach(Component *component, sd_bus *bus)
{
        if (component->started_at_usec == 0)
                component->started_at_usec = time_now(CLOCK_REALTIME);

        (void) snprintf(component->bus_name, sizeof component->bus_name, "org.devbox.%s", component->name);
        (void) snprintf(component->object_path, sizeof component->object_path, "/org/devbox/%s",
                        component->name);
        component->bus = sd_bus_ref(bus);

        int r = sd_bus_add_object_vtable(bus, &component->slot_object, component->object_path,
                                         "org.devbox.Component1", component_vtable, component);
        if (r < 0)
                return r;

        return sd_bus_request_name_async(bus, &component->slot_name, component->bus_name, 0, on_name,
                                         component);
}

void component_detach(Component *component)
{
        component->slot_name = sd_bus_slot_unref(component->slot_name);
        component->slot_object = sd_bus_slot_unref(component->slot_object);
        component->bus = sd_bus_unref(component->bus);
}

int component_begin_metrics(sd_bus_message *reply, const ComponentMetric *metrics, size_t n)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sd}");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(reply, "{sd}", metrics[i].name, metrics[i].value);

        return r;
}

int component_append_metric(sd_bus_message *reply, double value, const char *format, ...)
{
        char key[METRIC_KEY_MAX];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(key, sizeof key, format, arguments);
        va_end(arguments);
        return sd_bus_message_append(reply, "{sd}", key, value);
}

int component_append_metrics(sd_bus_message *reply, const ComponentMetric *metrics, size_t n)
{
        int r = component_begin_metrics(reply, metrics, n);

        return r < 0 ? r : sd_bus_message_close_container(reply);
}

void component_set_healthy(Component *component, bool healthy)
{
        if (component->healthy == healthy)
                return;

        component->healthy = healthy;
        if (component->bus)
                (void) sd_bus_emit_properties_changed(component->bus, component->object_path,
                                                      "org.devbox.Component1", "Healthy", NULL);
}

int component_retire(Component *component)
{
        if (component->retired || !component->bus)
                return 0;

        /* systemd was notified already that we stop, so that an activation from now on waits for our end.
         * The call is synchronous, the only one in a daemon: it is the last it makes. */
        int r = sd_bus_release_name(component->bus, component->bus_name);
        if (r < 0)
                return r;
        component->retired = true;

        do
                r = sd_bus_process(component->bus, NULL);
        while (r > 0);

        return r;
}
