/* SPDX-License-Identifier: MIT */
/* The states of the configured units, asked of systemd over the system bus.
 *
 * A refresh:
 *
 *     ListUnitsByNames ──> all rows found ──> ActiveEnterTimestamp of the units whose state is new ──> done
 *         ^                      │ rows missing: aliases come back under their primary names
 *         └── Id of the missing ─┘ (once per refresh)
 *
 * Rows are matched by Id, never by position: systemd passes over names that it finds invalid. Everything
 * shares one deadline, which is shorter than the one our clients have with us, so that they hear the reason.
 */

#include "collector/units.h"

#include "basic/macro.h"
#include "collector/units-internal.h"
#include "log/log.h"
#include "proto/error.h"

#define DEADLINE_USEC (1500 * USEC_PER_MSEC)
#define WATCH_USEC    (30 * USEC_PER_SEC)

/* ---- helpers for both files */

int unit_path(const Unit *unit, char **ret_path)
{
        return sd_bus_path_encode(SYSTEMD_PATH "/unit", unit_id(unit), ret_path);
}

int sample_set_string(char **string, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;

        free(*string);
        *string = copy;
        return 0;
}

/* ---- one refresh */

static bool refreshing(const Units *units)
{
        return units->deadline_usec != 0;
}

static void refresh_end(Units *units)
{
        units->slot_list = sd_bus_slot_unref(units->slot_list);
        for (size_t i = 0; i < units->samples.n_units; i++)
                units->units[i].slot_get = sd_bus_slot_unref(units->units[i].slot_get);
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

/* Whatever went wrong, to our callers systemd did not give what was asked; the journal can tell more. */
static void refresh_fail(Units *units, int error, const char *what)
{
        (void) log_debug_errno(error, "Asking systemd for %s failed", what);
        refresh_complete(units, DEVBOX_ERROR_SYSTEMD_UNAVAILABLE);
}

/* Takes no reference on the slot's userdata: refresh_end() cancels. */
static int call_systemd(Units *units, sd_bus_slot **slot, sd_bus_message *call,
                        sd_bus_message_handler_t on_reply, void *userdata)
{
        usec_t now = time_now(CLOCK_MONOTONIC);

        if (now >= units->deadline_usec)
                return -ETIMEDOUT;

        int r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;

        units->counters.systemd_calls++;
        *slot = sd_bus_slot_unref(*slot);
        return sd_bus_call_async(units->bus, slot, call, on_reply, userdata, units->deadline_usec - now);
}

static int get_property(Unit *unit, const char *property, sd_bus_message_handler_t on_reply)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(freep) char *path = NULL;

        int r = unit_path(unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(unit->units->bus, &call, SYSTEMD_NAME, path,
                                           "org.freedesktop.DBus.Properties", "Get");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "ss", UNIT_INTERFACE, property);
        if (r < 0)
                return r;
        r = call_systemd(unit->units, &unit->slot_get, call, on_reply, unit);
        if (r < 0)
                return r;

        unit->units->n_pending++;
        return 0;
}

/* Whether the error says that systemd is away, rather than that it has nothing to say about one unit. */
static bool systemd_is_away(const sd_bus_error *error)
{
        return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                                      "org.freedesktop.DBus.Error.TimedOut", SD_BUS_ERROR_SERVICE_UNKNOWN,
                                      SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_DISCONNECTED,
                                      SD_BUS_ERROR_ACCESS_DENIED);
}

static int on_active_enter(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Unit *unit = userdata;
        Units *units = unit->units;

        units->n_pending--;
        if (!sd_bus_message_is_method_error(reply, NULL)) {
                int r = sd_bus_message_read(reply, "v", "t", &unit->sample->active_enter_at_usec);
                unit->enter_known = r >= 0;
        } else if (systemd_is_away(sd_bus_message_get_error(reply))) {
                refresh_fail(units, -sd_bus_message_get_errno(reply), "the time a unit became active");
                return 0;
        }

        if (units->n_pending == 0)
                refresh_complete(units, 0);
        return 0;
}

/* The last step: what is new about the units that changed. */
static int ask_active_enter(Units *units)
{
        for (size_t i = 0; i < units->samples.n_units; i++) {
                Unit *unit = &units->units[i];

                if (unit->enter_known)
                        continue;
                unit->sample->active_enter_at_usec = 0;
                if (streq(unit->sample->load_state, "not-found")) {
                        unit->enter_known = true;
                        continue;
                }
                int r = get_property(unit, "ActiveEnterTimestamp", on_active_enter);
                if (r < 0)
                        return r;
        }

        if (units->n_pending == 0)
                refresh_complete(units, 0);
        return 0;
}

static int ask_list(Units *units);

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
                        r = unit_watch(unit); /* before the list is asked again: nothing falls between */
        } else if (systemd_is_away(sd_bus_message_get_error(reply)))
                r = -sd_bus_message_get_errno(reply);

        if (r >= 0 && units->n_pending == 0)
                r = ask_list(units);
        if (r < 0)
                refresh_fail(units, r, "the primary name of a unit");
        return 0;
}

/* What systemd does not list and cannot name either: the configuration's check lets no such name pass. */
static int take_unlisted(Unit *unit)
{
        int r = sample_set_string(&unit->sample->load_state, "error");
        if (r < 0)
                return r;
        r = sample_set_string(&unit->sample->active_state, "inactive");
        if (r < 0)
                return r;

        unit->enter_known = true;
        unit->sample->active_enter_at_usec = 0;
        return sample_set_string(&unit->sample->sub_state, "dead");
}

/* Rows that are missing are those of aliases. */
static int resolve_unlisted(Units *units)
{
        for (size_t i = 0; i < units->samples.n_units; i++) {
                Unit *unit = &units->units[i];
                int r = 0;

                if (unit->listed)
                        continue;
                free(TAKE_PTR(unit->alias_of)); /* it led nowhere */
                r = units->resolved ? take_unlisted(unit) : get_property(unit, "Id", on_primary_name);
                if (r < 0)
                        return r;
        }

        units->resolved = true;
        return units->n_pending == 0 ? ask_active_enter(units) : 0;
}

typedef struct UnitRow {
        const char *id, *load_state, *active_state, *sub_state;
} UnitRow;

static int take_row(Unit *unit, const UnitRow *row)
{
        UnitSample *sample = unit->sample;
        const struct {
                char **have;
                const char *got;
        } strings[] = {
                { &sample->id, row->id },
                { &sample->load_state, row->load_state },
                { &sample->active_state, row->active_state },
                { &sample->sub_state, row->sub_state },
        };

        unit->listed = true;
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                if (streq(*strings[i].have, strings[i].got))
                        continue;
                unit->enter_known = false;
                int r = sample_set_string(strings[i].have, strings[i].got);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int read_rows(Units *units, sd_bus_message *reply)
{
        UnitRow row;

        for (size_t i = 0; i < units->samples.n_units; i++)
                units->units[i].listed = false;

        int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(reply, "(ssssssouso)", &row.id, NULL, &row.load_state,
                                        &row.active_state, &row.sub_state, NULL, NULL, NULL, NULL, NULL)) >
               0)
                for (size_t i = 0; i < units->samples.n_units; i++)
                        if (streq(unit_id(&units->units[i]), row.id)) {
                                r = take_row(&units->units[i], &row);
                                if (r < 0)
                                        return r;
                        }

        return r;
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

static int ask_list(Units *units)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = sd_bus_message_new_method_call(units->bus, &call, SYSTEMD_NAME, SYSTEMD_PATH,
                                               MANAGER_INTERFACE, "ListUnitsByNames");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(call, 'a', "s");
        if (r < 0)
                return r;
        for (size_t i = 0; i < units->samples.n_units; i++) {
                r = sd_bus_message_append_basic(call, 's', unit_id(&units->units[i]));
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_close_container(call);
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
                r = ask_list(units);
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
                units->options.watch_usec = WATCH_USEC;

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
