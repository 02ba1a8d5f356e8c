/* SPDX-License-Identifier: MIT */
/* Watches configured units through systemd's signals: PropertiesChanged of each unit's own object and
 * Reloading, after Manager.Subscribe, without which systemd sends none.
 *
 * UnitNew and UnitRemoved are ignored on purpose: a unit without references is loaded and unloaded by every
 * call about it, ours too, so that each refresh would seem to change its units. A unit that starts or stops
 * has PropertiesChanged; unit files that are added or removed need a reload.
 *
 * A signal counts only if it has another value than the one that is known: a service may send status texts
 * many times a second. Changes that arrive together are reported together. */

#include "basic/macro.h"
#include "bus/dictionary.h"
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

/* What is known of the units may be outdated, and that counts as a change. */
static void invalidate(Units *units)
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

/* What a signal has of a unit; NULL and UINT64_MAX: nothing. */
typedef struct UnitChange {
        const char *active_state, *sub_state;
        uint64_t active_enter_at_usec;
} UnitChange;

static const BusField change_fields[] = {
        BUS_FIELD("ActiveState", BUS_TEXT, UnitChange, active_state),
        BUS_FIELD("SubState", BUS_TEXT, UnitChange, sub_state),
        BUS_FIELD("ActiveEnterTimestamp", BUS_UINT64, UnitChange, active_enter_at_usec),
};
static const BusDictionary change_dictionary = BUS_DICTIONARY(change_fields);

/* Returns whether the string is another one now. */
static int update_string(char **string, const char *value)
{
        if (!value || streq(*string, value))
                return false;

        int r = sample_set_string(string, value);
        return r < 0 ? r : true;
}

static bool update_enter(Unit *unit, uint64_t at_usec)
{
        if (at_usec == UINT64_MAX || (unit->enter_known && unit->sample->active_enter_at_usec == at_usec))
                return false;

        unit->sample->active_enter_at_usec = at_usec;
        unit->enter_known = true;
        return true;
}

/* Returns whether the signal has anything new. */
static int read_change(sd_bus_message *message, Unit *unit)
{
        UnitChange change = { .active_enter_at_usec = UINT64_MAX };

        int r = sd_bus_message_skip(message, "s"); /* the interface, which the match has checked */
        if (r >= 0)
                r = bus_dictionary_read(message, &change_dictionary, &change);
        if (r < 0)
                return r;

        int active = update_string(&unit->sample->active_state, change.active_state);
        int sub = update_string(&unit->sample->sub_state, change.sub_state);
        if (active < 0 || sub < 0)
                return -ENOMEM;

        bool enter = update_enter(unit, change.active_enter_at_usec);
        if (active || enter)
                unit_judge_state(unit);
        return enter || active || sub;
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;

        if (unit->sample->active_state[0] == '\0') /* no refresh was complete yet */
                return 0;

        int r = read_change(message, unit);
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
                invalidate(userdata);
        return 0;
}

static int on_subscribed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const sd_bus_error *failure = sd_bus_message_get_error(reply);

        if (failure && !sd_bus_error_has_name(failure, "org.freedesktop.systemd1.AlreadySubscribed"))
                (void) log_debug_errno(-sd_bus_message_get_errno(reply),
                                       "Cannot subscribe to systemd's signals, ignoring");
        return 0;
}

static int subscribe(Units *units)
{
        units->counters.systemd_calls++;
        units->slot_subscribe = sd_bus_slot_unref(units->slot_subscribe);
        return sd_bus_call_method_async(units->bus, &units->slot_subscribe, SYSTEMD1_NAME, SYSTEMD1_PATH,
                                        SYSTEMD1_MANAGER, "Subscribe", on_subscribed, units, NULL);
}

/* systemd left the bus or is on it again, as with daemon-reexec, which loses our subscription. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *new_owner;
        Units *units = userdata;

        int r = sd_bus_message_read(message, "sss", NULL, NULL, &new_owner);
        if (r < 0)
                return r;

        invalidate(units);
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

        int r = systemd1_unit_path(unit_id(unit), &path);
        if (r < 0)
                return r;
        if (asprintf(&rule,
                     "type='signal',sender='" SYSTEMD1_NAME
                     "',path='%s',interface='org.freedesktop.DBus.Properties',"
                     "member='PropertiesChanged',arg0='" SYSTEMD1_UNIT "'",
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
                "arg0='" SYSTEMD1_NAME "'",
                on_owner_changed, NULL, units);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(units->bus, &units->slot_reloading, SYSTEMD1_NAME, SYSTEMD1_PATH,
                                      SYSTEMD1_MANAGER, "Reloading", on_reloading, NULL, units);
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
        (void) sd_bus_call_method_async(units->bus, NULL, SYSTEMD1_NAME, SYSTEMD1_PATH, SYSTEMD1_MANAGER,
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
