/* SPDX-License-Identifier: MIT */
#pragma once

/* The well-known name of a daemon and its org.devbox.Component1 (dbus/org.devbox.Component1.xml). */

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "basic/time.h"

typedef struct Component Component;

struct Component {
        /* Set by the owner before component_attach(). */
        const char *name; /* "Collector1": gives org.devbox.Collector1 and /org/devbox/Collector1 */
        int (*append_metrics)(sd_bus_message *reply, void *owner); /* with component_append_metrics() */
        int (*restart)(void *owner, const char **ret_detail);      /* 0, or a reason for bus_error_set() */
        void (*on_name_owned)(void *owner);                        /* may be NULL */
        void (*update_health)(void *owner);                        /* before Healthy is read; may be NULL */
        void *owner;

        /* Kept by the component. */
        usec_t started_at_usec; /* CLOCK_REALTIME */
        bool healthy;
        bool retired;
        sd_bus *bus;
        sd_bus_slot *slot_object, *slot_name;
        char bus_name[64], object_path[64];
};

/* Adds the interface and requests the name; a name that is taken ends the loop with -EEXIST. Takes a
 * reference on `bus`. */
int component_attach(Component *component, sd_bus *bus);
void component_detach(Component *component);

typedef struct ComponentMetric {
        const char *name;
        double value;
} ComponentMetric;

int component_append_metrics(sd_bus_message *reply, const ComponentMetric *metrics, size_t n);

/* With more after these, up to sd_bus_message_close_container(). Those that there are several of have labels
 * in their keys, as Prometheus writes them, which devbox-api passes on. */
int component_begin_metrics(sd_bus_message *reply, const ComponentMetric *metrics, size_t n);
int component_append_metric(sd_bus_message *reply, double value, const char *format, ...) _printf_(3, 4);

/* Emits PropertiesChanged when it changes. */
void component_set_healthy(Component *component, bool healthy);

/* Gives the name back before an idle exit, so that no call is lost: whatever the bus had already sent us is
 * handled before this returns, and the next caller activates a new process. Calls may still be pending:
 * leave the loop after the last of them. Not from a handler of the bus, which would dispatch recursively. */
int component_retire(Component *component);
