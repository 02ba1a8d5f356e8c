/* SPDX-License-Identifier: MIT */
/* The units of the fake systemd1, their properties and their signals. */

#include "fake-systemd.h"

#include <sys/random.h>

Unit *unit_find(const char *name)
{
        for (size_t i = 0; i < fake.n_units; i++)
                if (streq(fake.units[i].id, name) || streq(fake.units[i].alias, name))
                        return &fake.units[i];

        return NULL;
}

Unit unit_absent(const char *name)
{
        Unit unit = { .load_state = "not-found", .active_state = "inactive", .sub_state = "dead" };

        copy_text(unit.id, sizeof unit.id, name);
        return unit;
}

Unit *unit_make(const char *name)
{
        Unit *unit = unit_find(name);

        if (unit)
                return unit;
        assert(fake.n_units < UNITS_MAX);
        unit = &fake.units[fake.n_units++];
        *unit = unit_absent(name);
        copy_text(unit->result, sizeof unit->result, "success");
        return unit;
}

char *unit_path(const char *id)
{
        char *path = NULL;

        int r = sd_bus_path_encode(UNIT_PREFIX, id, &path);
        assert(r >= 0);
        (void) r;

        return path;
}

typedef struct Property {
        const char *interface, *name, *type;
        size_t offset;
        bool changes; /* part of PropertiesChanged */
} Property;

static const Property properties[] = {
        { UNIT_INTERFACE, "Id", "s", offsetof(Unit, id), false },
        { UNIT_INTERFACE, "Names", "as", 0, false },
        { UNIT_INTERFACE, "Description", "s", offsetof(Unit, id), false },
        { UNIT_INTERFACE, "LoadState", "s", offsetof(Unit, load_state), false },
        { UNIT_INTERFACE, "ActiveState", "s", offsetof(Unit, active_state), true },
        { UNIT_INTERFACE, "SubState", "s", offsetof(Unit, sub_state), true },
        { UNIT_INTERFACE, "ActiveEnterTimestamp", "t", offsetof(Unit, active_enter_at_usec), true },
        { UNIT_INTERFACE, "ActiveExitTimestamp", "t", offsetof(Unit, active_exit_at_usec), true },
        { UNIT_INTERFACE, "InvocationID", "ay", offsetof(Unit, invocation_id), true },
        { SERVICE_INTERFACE, "Result", "s", offsetof(Unit, result), true },
        { SERVICE_INTERFACE, "ExecMainStatus", "i", offsetof(Unit, main_status), true },
        { SERVICE_INTERFACE, "ExecMainStartTimestamp", "t", offsetof(Unit, main_start_at_usec), true },
        { SERVICE_INTERFACE, "ExecMainExitTimestamp", "t", offsetof(Unit, main_exit_at_usec), true },
};

static int property_append(sd_bus_message *message, const Property *property, const Unit *unit)
{
        static const uint8_t none[16];
        const char *value = (const char *) unit + property->offset;

        int r = sd_bus_message_open_container(message, 'v', property->type);
        if (r < 0)
                return r;

        if (streq(property->type, "as"))
                r = unit->alias[0] != '\0' ? sd_bus_message_append(message, "as", 2, unit->id, unit->alias)
                                           : sd_bus_message_append(message, "as", 1, unit->id);
        else if (streq(property->type, "ay")) /* empty as long as the unit never ran */
                r = sd_bus_message_append_array(message, 'y', value,
                                                memcmp(value, none, sizeof none) == 0 ? 0 : sizeof none);
        else
                r = sd_bus_message_append_basic(message, property->type[0], value);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}

static int properties_append(sd_bus_message *message, const char *interface, const Unit *unit, bool changes)
{
        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                const Property *property = &properties[i];

                if ((interface[0] != '\0' && !streq(property->interface, interface)) ||
                    (changes && !property->changes))
                        continue;
                r = sd_bus_message_open_container(message, 'e', "sv");
                if (r < 0)
                        return r;
                r = sd_bus_message_append_basic(message, 's', property->name);
                if (r < 0)
                        return r;
                r = property_append(message, property, unit);
                if (r < 0)
                        return r;
                r = sd_bus_message_close_container(message);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

bool subscribed(void)
{
        return sd_bus_track_count(fake.subscribers) > 0;
}

static int emit_properties(const Unit *unit, const char *interface)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        _cleanup_(freep) char *path = unit_path(unit->id);

        int r = sd_bus_message_new_signal(fake.bus, &signal, path, PROPERTIES, "PropertiesChanged");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(signal, 's', interface);
        if (r < 0)
                return r;
        r = properties_append(signal, interface, unit, true);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "as", 0);
        if (r < 0)
                return r;

        return sd_bus_send(fake.bus, signal, NULL);
}

int unit_append_property(sd_bus_message *message, const Unit *unit, const char *interface, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].interface, interface) && streq(properties[i].name, name))
                        return property_append(message, &properties[i], unit);

        return -ENOENT;
}

int unit_append_properties(sd_bus_message *message, const Unit *unit, const char *interface)
{
        return properties_append(message, interface, unit, false);
}

int unit_emit_changed(const Unit *unit)
{
        if (!subscribed())
                return 0;

        int r = endswith(unit->id, ".service") ? emit_properties(unit, SERVICE_INTERFACE) : 0;
        if (r < 0)
                return r;

        return emit_properties(unit, UNIT_INTERFACE);
}

int unit_start(Unit *unit)
{
        if (unit->job != 0)
                return 0;

        unit->job = ++fake.last_job;
        if (getrandom(unit->invocation_id, sizeof unit->invocation_id, 0) < 0)
                return -errno;
        copy_text(unit->active_state, sizeof unit->active_state, "activating");
        copy_text(unit->sub_state, sizeof unit->sub_state, "start");
        copy_text(unit->result, sizeof unit->result, "success");
        unit->main_status = 0;
        unit->main_start_at_usec = time_now(CLOCK_REALTIME);
        unit->main_exit_at_usec = 0;
        return unit_emit_changed(unit);
}

static int emit_unit(const char *member, const char *id)
{
        _cleanup_(freep) char *path = unit_path(id);

        return subscribed() ? sd_bus_emit_signal(fake.bus, MANAGER_PATH, MANAGER_INTERFACE, member, "so", id,
                                                 path)
                            : 0;
}

int unit_emit_loaded_and_dropped(const Unit *unit)
{
        if (!streq(unit->active_state, "inactive"))
                return 0;

        int r = emit_unit("UnitNew", unit->id);
        return r < 0 ? r : emit_unit("UnitRemoved", unit->id);
}
