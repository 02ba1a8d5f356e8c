/* SPDX-License-Identifier: MIT */
/* The states of the configured units, from systemd over the system bus.
 *
 * A refresh:
 *
 *     ListUnitsByNames ──> no row missing ─> ActiveEnterTimestamp of the units whose state is new ──> done
 *         ^                      │ rows missing: aliases are listed by their primary names
 *         └── Id of the missing ─┘ (once per refresh)
 *
 * Rows are matched by Id, never by position: systemd skips names that it finds invalid. All calls share one
 * deadline, which is shorter than the one our clients have with us, so that they receive the reason. */

#include "collector/units.h"

#include "basic/macro.h"
#include "collector/units-internal.h"
#include "log/log.h"
#include "proto/error.h"
#include "sample/sample-bus.h"

#define DEADLINE_USEC (1500 * USEC_PER_MSEC)

/* ---- helpers for both files */

int sample_set_string(char **string, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;

        free(*string);
        *string = copy;
        return 0;
}

void unit_judge_state(Unit *unit)
{
        int r = unit_state_is_active(unit->sample->active_state);

        if (r < 0)
                unit->enter_known = false;
        else
                unit->sample->active = r;
}

/* ---- one refresh */

static bool refreshing(const Units *units)
{
        return units->deadline_usec != 0;
}

static void unit_cancel_calls(Unit *unit)
{
        unit->slot_get = sd_bus_slot_unref(unit->slot_get);
        unit->slot_exit = sd_bus_slot_unref(unit->slot_exit);
}

static void refresh_end(Units *units)
{
        units->slot_list = sd_bus_slot_unref(units->slot_list);
        for (size_t i = 0; i < units->samples.n_units; i++)
                unit_cancel_calls(&units->units[i]);
        units->deadline_usec = 0;
        units->n_pending = 0;
}

static void refresh_complete(Units *units, int result)
{
        usec_t now = time_now(CLOCK_MONOTONIC);

        units->refresh_usec = now - units->began_at_usec;
        units->refreshed_at_usec = time_now(CLOCK_REALTIME);
        refresh_end(units);
        units->options.on_refreshed(result, units->options.owner);
}

/* Every failure is the same for our callers; the log at debug level has the cause. */
static void refresh_fail(Units *units, int error, const char *what)
{
        (void) log_debug_errno(error, "Cannot get %s from systemd", what);
        refresh_complete(units, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
}

/* Takes no reference on the slot's userdata: refresh_end() cancels. */
static int call_systemd(Units *units, sd_bus_slot **slot, sd_bus_message *call,
                        sd_bus_message_handler_t on_reply, void *userdata)
{
        usec_t left_usec = deadline_left(units->deadline_usec);

        if (left_usec == 0)
                return -ETIMEDOUT;

        units->counters.systemd_calls++;
        *slot = sd_bus_slot_unref(*slot);
        return sd_bus_call_async(units->bus, slot, call, on_reply, userdata, left_usec);
}

static int get_property(Unit *unit, sd_bus_slot **slot, const char *property,
                        sd_bus_message_handler_t on_reply)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = systemd1_new_properties_call(unit->units->bus, unit_id(unit), "Get", &call);
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", SYSTEMD1_UNIT, property);
        if (r >= 0)
                r = call_systemd(unit->units, slot, call, on_reply, unit);
        if (r < 0)
                return r;

        unit->units->n_pending++;
        return 0;
}

/* systemd's own rule: a unit is active from ActiveEnterTimestamp to ActiveExitTimestamp, whatever the names
 * of its states. */
static void judge_timestamps(Unit *unit)
{
        if (unit_state_is_active(unit->sample->active_state) < 0)
                unit->sample->active = unit->sample->active_enter_at_usec > unit->active_exit_at_usec;
}

static int take_timestamp(Unit *unit, sd_bus_message *reply, usec_t *ret_at_usec)
{
        Units *units = unit->units;

        units->n_pending--;
        if (!sd_bus_message_is_method_error(reply, NULL))
                unit->enter_known = sd_bus_message_read(reply, "v", "t", ret_at_usec) >= 0;
        else if (systemd1_is_away(sd_bus_message_get_error(reply))) {
                refresh_fail(units, -sd_bus_message_get_errno(reply), "a timestamp of a unit");
                return 0;
        }

        judge_timestamps(unit);
        if (units->n_pending == 0)
                refresh_complete(units, 0);
        return 0;
}

static int on_active_enter(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;

        return take_timestamp(unit, reply, &unit->sample->active_enter_at_usec);
}

static int on_active_exit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;

        return take_timestamp(unit, reply, &unit->active_exit_at_usec);
}

static int get_timestamps(Unit *unit)
{
        unit->sample->active_enter_at_usec = unit->active_exit_at_usec = 0;
        if (streq(unit->sample->load_state, "not-found")) {
                unit->enter_known = true;
                return 0;
        }

        int r = get_property(unit, &unit->slot_get, "ActiveEnterTimestamp", on_active_enter);
        if (r < 0 || unit_state_is_active(unit->sample->active_state) >= 0)
                return r;

        return get_property(unit, &unit->slot_exit, "ActiveExitTimestamp", on_active_exit);
}

/* The last step, for the units that changed. */
static int get_new_timestamps(Units *units)
{
        for (size_t i = 0; i < units->samples.n_units; i++) {
                int r = units->units[i].enter_known ? 0 : get_timestamps(&units->units[i]);
                if (r < 0)
                        return r;
        }

        if (units->n_pending == 0)
                refresh_complete(units, 0);
        return 0;
}

static int list(Units *units);

static int on_primary_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;
        Units *units = unit->units;
        const char *id;

        units->n_pending--;
        int r = 0;
        if (!sd_bus_message_is_method_error(reply, NULL)) {
                r = sd_bus_message_read(reply, "v", "s", &id);
                if (r >= 0)
                        r = sample_set_string(&unit->alias_of, id);
                if (r >= 0)
                        r = unit_watch(unit); /* before the next list, so that no change is missed */
        } else if (systemd1_is_away(sd_bus_message_get_error(reply)))
                r = -sd_bus_message_get_errno(reply);

        if (r >= 0 && units->n_pending == 0)
                r = list(units);
        if (r < 0)
                refresh_fail(units, r, "the primary name of a unit");
        return 0;
}

/* A name without a row or a primary name; the check of the configuration accepts no such name. */
static int take_unlisted(Unit *unit)
{
        int r = sample_set_string(&unit->sample->load_state, "error");
        if (r < 0)
                return r;
        r = sample_set_string(&unit->sample->active_state, "inactive");
        if (r < 0)
                return r;

        unit->enter_known = true;
        unit->sample->active = false;
        unit->sample->active_enter_at_usec = 0;
        return sample_set_string(&unit->sample->sub_state, "dead");
}

/* Missing rows are those of aliases. */
static int resolve_unlisted(Units *units)
{
        for (size_t i = 0; i < units->samples.n_units; i++) {
                Unit *unit = &units->units[i];
                int r = 0;

                if (unit->listed)
                        continue;
                free(TAKE_PTR(unit->alias_of)); /* of another unit by now */
                r = units->resolved ? take_unlisted(unit)
                                    : get_property(unit, &unit->slot_get, "Id", on_primary_name);
                if (r < 0)
                        return r;
        }

        units->resolved = true;
        return units->n_pending == 0 ? get_new_timestamps(units) : 0;
}

static int take_row(Unit *unit, const Systemd1Unit *row)
{
        UnitSample *sample = unit->sample;
        const struct {
                char **current;
                const char *received;
        } strings[] = {
                { &sample->id, row->id },
                { &sample->load_state, row->load_state },
                { &sample->active_state, row->active_state },
                { &sample->sub_state, row->sub_state },
        };

        unit->listed = true;
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                if (streq(*strings[i].current, strings[i].received))
                        continue;
                unit->enter_known = false;
                int r = sample_set_string(strings[i].current, strings[i].received);
                if (r < 0)
                        return r;
        }

        if (!unit->enter_known)
                unit_judge_state(unit);
        return 0;
}

static int on_row(const Systemd1Unit *row, void *userdata)
{
        Units *units = userdata;

        for (size_t i = 0; i < units->samples.n_units; i++)
                if (streq(unit_id(&units->units[i]), row->id)) {
                        int r = take_row(&units->units[i], row);
                        if (r < 0)
                                return r;
                }

        return 0;
}

static int read_rows(Units *units, sd_bus_message *reply)
{
        for (size_t i = 0; i < units->samples.n_units; i++)
                units->units[i].listed = false;

        return systemd1_read_list(reply, on_row, units);
}

static int on_listed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Units *units = userdata;

        int r = sd_bus_message_is_method_error(reply, NULL) ? -sd_bus_message_get_errno(reply)
                                                            : read_rows(units, reply);
        if (r >= 0)
                r = resolve_unlisted(units);
        if (r < 0)
                refresh_fail(units, r, "the states of units");
        return 0;
}

static int list(Units *units)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        const char *names[SAMPLE_UNITS_MAX];

        for (size_t i = 0; i < units->samples.n_units; i++)
                names[i] = unit_id(&units->units[i]);

        int r = systemd1_new_list(units->bus, names, units->samples.n_units, &call);
        if (r < 0)
                return r;

        return call_systemd(units, &units->slot_list, call, on_listed, units);
}

static int refresh_start(Units *units)
{
        units->counters.refreshes++;
        units->began_at_usec = time_now(CLOCK_MONOTONIC);
        units->deadline_usec = units->began_at_usec + units->options.deadline_usec;
        units->resolved = false;

        int r = units_watch_touch(units);
        if (r >= 0)
                r = list(units);
        if (r < 0)
                refresh_end(units);
        return r;
}

int units_refresh(Units *units)
{
        if (units->samples.n_units == 0)
                return UNITS_READY;
        if (refreshing(units)) {
                int r = units_watch_touch(units);
                return r < 0 ? r : UNITS_WAIT;
        }

        int r = refresh_start(units);
        return r < 0 ? r : UNITS_WAIT;
}

/* ---- the object */

static int add_unit(Units *units, const ConfigService *service)
{
        size_t i = units->samples.n_units++;
        Unit *unit = &units->units[i];
        UnitSample *sample = &units->samples.units[i];

        *unit = (Unit){ .units = units, .service = service, .sample = sample };
        *sample = (UnitSample){ .name = strdup(service->name),
                                .id = strdup(service->unit),
                                .load_state = strdup(""),
                                .active_state = strdup(""),
                                .sub_state = strdup("") };
        return sample->name && sample->id && sample->load_state && sample->active_state && sample->sub_state
                       ? 0
                       : -ENOMEM;
}

static void drop_services(Units *units)
{
        refresh_end(units);
        units_watch_stop(units);
        for (size_t i = 0; i < units->samples.n_units; i++)
                free(units->units[i].alias_of);
        unit_samples_done(&units->samples);
}

int units_set_services(Units *units, const ConfigService *services, size_t n_services)
{
        bool restart = refreshing(units);

        assert(n_services <= SAMPLE_UNITS_MAX);
        drop_services(units);
        for (size_t i = 0; i < n_services; i++) {
                int r = add_unit(units, &services[i]);
                if (r < 0)
                        return r;
        }

        if (!restart)
                return 0;
        if (n_services > 0 && refresh_start(units) >= 0)
                return 0;
        refresh_complete(units, n_services > 0 ? DEVBOX_ERROR_SYSTEMD_UNAVAILABLE : 0);
        return 0;
}

int units_new(sd_bus *bus, const UnitsOptions *options, Units **ret_units)
{
        _cleanup_(units_freep) Units *units = calloc(1, sizeof *units);

        if (!units)
                return -ENOMEM;

        units->bus = sd_bus_ref(bus);
        units->options = *options;
        if (units->options.deadline_usec == 0)
                units->options.deadline_usec = DEADLINE_USEC;
        if (units->options.watch_usec == 0)
                units->options.watch_usec = UNITS_WATCH_USEC;

        int r = units_watch_init(units);
        if (r < 0)
                return r;

        *ret_units = TAKE_PTR(units);
        return 0;
}

Units *units_free(Units *units)
{
        if (!units)
                return NULL;

        drop_services(units);
        units_watch_done(units);
        sd_bus_unref(units->bus);
        free(units);
        return NULL;
}

const UnitSamples *units_samples(const Units *units)
{
        return &units->samples;
}

usec_t units_refresh_usec(const Units *units)
{
        return units->refresh_usec;
}

usec_t units_refreshed_at_usec(const Units *units)
{
        return units->refreshed_at_usec;
}

bool units_watching(const Units *units)
{
        return units->watching;
}

const UnitsCounters *units_counters(const Units *units)
{
        return &units->counters;
}
