/* SPDX-License-Identifier: MIT */
/* Being told by systemd when a configured unit changes.
 *
 * Followed are PropertiesChanged of each unit's own object and Reloading, after Manager.Subscribe: without a
 * subscriber systemd sends none. UnitNew and UnitRemoved are not followed, on purpose: a unit that nothing
 * keeps in memory is loaded and dropped again by every question about it, ours too, so that each refresh
 * would seem to change what it asked for. A unit that starts or ends says so by its properties; unit files
 * that come and go need a reload.
 *
 * A signal counts only if it says something else than was told last: a service may send status texts many
 * times a second. Several changes that arrive together are told together. */

#include "basic/macro.h"
#include "collector/units-internal.h"
#include "log/log.h"

static int on_defer(sd_event_source *source, void *userdata)
{
        const char *names[SAMPLE_UNITS_MAX];
        Units *units = userdata;
        size_t n = 0;

        for (size_t i = 0; i < units->samples.n_units; i++)
                if (TAKE(units->units[i].changed, false))
                        names[n++] = units->units[i].service->name;

        units->counters.changes += n;
        if (n > 0)
                units->options.on_changed(names, n, units->options.owner);
        return 0;
}

static void set_changed(Unit *unit)
{
        unit->changed = true;
        (void) sd_event_source_set_enabled(unit->units->defer_changed, SD_EVENT_ONESHOT);
}

/* What was found out about the units may be wrong now; who asked may want to ask again. */
static void forget(Units *units)
{
        for (size_t i = 0; i < units->samples.n_units; i++) {
                Unit *unit = &units->units[i];

                unit->enter_known = false;
                set_changed(unit);
                if (!unit->alias_of)
                        continue;
                free(TAKE_PTR(unit->alias_of));
                int r = unit_watch(unit);
                if (r < 0)
                        (void) log_debug_errno(r, "Cannot follow a unit, ignoring");
        }
}

/* Sets the string if the variant says something else. Returns whether it did. */
static int read_state(sd_bus_message *message, char **state)
{
        const char *value;

        int r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0 || streq(*state, value))
                return MIN(r, 0);

        r = sample_set_string(state, value);
        return r < 0 ? r : 1;
}

static int read_enter(sd_bus_message *message, Unit *unit)
{
        uint64_t value;

        int r = sd_bus_message_read(message, "v", "t", &value);
        if (r < 0)
                return r;

        bool same = unit->enter_known && unit->sample->active_enter_at_usec == value;
        unit->sample->active_enter_at_usec = value;
        unit->enter_known = true;
        return !same;
}

static int read_changes(sd_bus_message *message, Unit *unit)
{
        const char *property;
        int changes = 0;

        int r = sd_bus_message_skip(message, "s"); /* the match has seen to the interface */
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &property);
                if (r < 0)
                        return r;
                if (streq(property, "ActiveState"))
                        r = read_state(message, &unit->sample->active_state);
                else if (streq(property, "SubState"))
                        r = read_state(message, &unit->sample->sub_state);
                else if (streq(property, "ActiveEnterTimestamp"))
                        r = read_enter(message, unit);
                else
                        r = MIN(sd_bus_message_skip(message, "v"), 0);
                if (r < 0)
                        return r;
                changes += r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : changes;
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;

        if (unit->sample->active_state[0] == '\0') /* nothing was told yet */
                return 0;

        int r = read_changes(message, unit);
        if (r < 0)
                unit->enter_known = false;
        if (r != 0)
                set_changed(unit);
        return 0;
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int begins;

        if (sd_bus_message_read(message, "b", &begins) >= 0 && !begins)
                forget(userdata);
        return 0;
}

static int on_subscribed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const sd_bus_error *refusal = sd_bus_message_get_error(reply);

        if (refusal && !sd_bus_error_has_name(refusal, "org.freedesktop.systemd1.AlreadySubscribed"))
                (void) log_debug_errno(-sd_bus_message_get_errno(reply),
                                       "Cannot subscribe to systemd's signals, ignoring");
        return 0;
}

static int subscribe(Units *units)
{
        units->counters.systemd_calls++;
        units->slot_subscribe = sd_bus_slot_unref(units->slot_subscribe);
        return sd_bus_call_method_async(units->bus, &units->slot_subscribe, SYSTEMD_NAME, SYSTEMD_PATH,
                                        MANAGER_INTERFACE, "Subscribe", on_subscribed, units, NULL);
}

/* systemd leaves the bus and comes back when it executes itself anew (daemon-reexec): our subscription is
 * gone. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *new_owner;
        Units *units = userdata;

        int r = sd_bus_message_read(message, "sss", NULL, NULL, &new_owner);
        if (r < 0)
                return r;

        forget(units);
        if (new_owner[0] != '\0') {
                r = subscribe(units);
                if (r < 0)
                        (void) log_debug_errno(r, "Cannot subscribe to systemd's signals, ignoring");
        }
        return 0;
}

int unit_watch(Unit *unit)
{
        _cleanup_(freep) char *path = NULL, *rule = NULL;

        unit->slot_changed = sd_bus_slot_unref(unit->slot_changed);
        if (!unit->units->watching)
                return 0;

        int r = unit_path(unit, &path);
        if (r < 0)
                return r;
        if (asprintf(&rule,
                     "type='signal',sender='" SYSTEMD_NAME
                     "',path='%s',interface='org.freedesktop.DBus.Properties',"
                     "member='PropertiesChanged',arg0='" UNIT_INTERFACE "'",
                     path) < 0)
                return -ENOMEM;

        return sd_bus_add_match_async(unit->units->bus, &unit->slot_changed, rule, on_properties_changed,
                                      NULL, unit);
}

static int watch_start(Units *units)
{
        units->watching = true;

        int r = sd_bus_add_match_async(
                units->bus, &units->slot_owner,
                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                "arg0='" SYSTEMD_NAME "'",
                on_owner_changed, NULL, units);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(units->bus, &units->slot_reloading, SYSTEMD_NAME, SYSTEMD_PATH,
                                      MANAGER_INTERFACE, "Reloading", on_reloading, NULL, units);
        if (r < 0)
                return r;
        for (size_t i = 0; i < units->samples.n_units; i++) {
                r = unit_watch(&units->units[i]);
                if (r < 0)
                        return r;
        }

        return subscribe(units);
}

int units_watch_touch(Units *units)
{
        idle_touch(&units->idle);
        if (units->watching)
                return 0;

        int r = watch_start(units);
        if (r >= 0)
                r = idle_set_after(&units->idle, units->options.watch_usec);
        if (r < 0)
                units_watch_stop(units);
        return r;
}

void units_watch_stop(Units *units)
{
        if (!units->watching)
                return;

        units->watching = false;
        (void) idle_set_after(&units->idle, 0);
        (void) sd_event_source_set_enabled(units->defer_changed, SD_EVENT_OFF);
        for (size_t i = 0; i < units->samples.n_units; i++) {
                Unit *unit = &units->units[i];

                unit->slot_changed = sd_bus_slot_unref(unit->slot_changed);
                unit->enter_known = unit->changed = false;
                free(TAKE_PTR(unit->alias_of));
        }
        units->slot_subscribe = sd_bus_slot_unref(units->slot_subscribe);
        units->slot_reloading = sd_bus_slot_unref(units->slot_reloading);
        units->slot_owner = sd_bus_slot_unref(units->slot_owner);

        units->counters.systemd_calls++;
        (void) sd_bus_call_method_async(units->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE,
                                        "Unsubscribe", NULL, NULL, NULL);
}

static int on_idle(void *userdata)
{
        units_watch_stop(userdata);
        return 0;
}

int units_watch_init(Units *units)
{
        sd_event *event = sd_bus_get_event(units->bus);

        int r = sd_event_add_defer(event, &units->defer_changed, on_defer, units);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(units->defer_changed, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(units->defer_changed, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;

        return idle_init(&units->idle, event, 0, on_idle, units);
}

void units_watch_done(Units *units)
{
        idle_done(&units->idle);
        units->defer_changed = sd_event_source_disable_unref(units->defer_changed);
}
