/* SPDX-License-Identifier: MIT */
/* Plays org.freedesktop.systemd1 as systemd 252 does, as far as devbox asks it; fake.h drives it.
 *
 * Every call to the manager's or a unit's object goes through one function, which counts it, lets it wait
 * (Hold) or fails it (Fail), and looks its handler up in one table: so faults work for every member alike.
 * What differs from the real one: jobs of devbox-selftest.service and the like end when the test says so
 * (Finish), and nothing is ever loaded from a disk. */

#include <stdio.h>
#include <sys/random.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "basic/time.h"

#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_PREFIX       MANAGER_PATH "/unit"
#define UNIT_INTERFACE    "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define PROPERTIES        "org.freedesktop.DBus.Properties"

#define NAME_MAX_BYTES 256
#define UNITS_MAX      128
#define HELD_MAX       1024
#define MEMBERS_MAX    32
#define WAITERS_MAX    32

typedef struct Unit {
        char id[NAME_MAX_BYTES], alias[NAME_MAX_BYTES]; /* alias: empty for none */
        char load_state[32], active_state[32], sub_state[32], result[32];
        uint64_t active_enter_at_usec, main_start_at_usec, main_exit_at_usec;
        int32_t main_status;
        uint8_t invocation_id[16];
        uint32_t job; /* 0: none */
} Unit;

/* What a test arranged for a member, and how often it was called. */
typedef struct Member {
        char name[64], error[128]; /* error: empty to work */
        bool held;
        uint64_t calls;
} Member;

typedef struct Waiter {
        sd_bus_message *message;
        char member[64];
        uint64_t calls;
} Waiter;

static struct {
        sd_bus *bus;
        sd_bus_track *subscribers;
        Unit units[UNITS_MAX];
        Member members[MEMBERS_MAX];
        sd_bus_message *held[HELD_MAX];
        Waiter waiters[WAITERS_MAX];
        size_t n_units, n_members, n_held, n_waiters;
        uint32_t last_job;
} fake;

static void copy_text(char *to, size_t size, const char *from)
{
        (void) snprintf(to, size, "%s", from);
}

/* ---- units ------------------------------------------------------------------------------------------ */

static Unit *unit_find(const char *name)
{
        for (size_t i = 0; i < fake.n_units; i++)
                if (streq(fake.units[i].id, name) || streq(fake.units[i].alias, name))
                        return &fake.units[i];

        return NULL;
}

/* systemd answers for units that do not exist as well: one that was looked for in vain. */
static Unit unit_absent(const char *name)
{
        Unit unit = { .load_state = "not-found", .active_state = "inactive", .sub_state = "dead" };

        copy_text(unit.id, sizeof unit.id, name);
        return unit;
}

static Unit *unit_make(const char *name)
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

/* Enough of systemd's unit_name_is_valid(). */
static bool name_is_valid(const char *name)
{
        const char *dot = strrchr(name, '.');

        return dot && dot != name && dot[1] != '\0' && strlen(name) < NAME_MAX_BYTES &&
               !strpbrk(name, "/ *?[");
}

static bool name_is_template(const char *name)
{
        const char *at = strchr(name, '@');

        return at && at[1] == '.';
}

static char *unit_path(const char *id)
{
        char *path = NULL;

        int r = sd_bus_path_encode(UNIT_PREFIX, id, &path);
        assert(r >= 0);
        (void) r;

        return path;
}

/* ---- properties ------------------------------------------------------------------------------------- */

typedef struct Property {
        const char *interface, *name, *type;
        size_t offset;
        bool changes; /* is told in PropertiesChanged */
} Property;

static const Property properties[] = {
        { UNIT_INTERFACE, "Id", "s", offsetof(Unit, id), false },
        { UNIT_INTERFACE, "Names", "as", 0, false },
        { UNIT_INTERFACE, "Description", "s", offsetof(Unit, id), false },
        { UNIT_INTERFACE, "LoadState", "s", offsetof(Unit, load_state), false },
        { UNIT_INTERFACE, "ActiveState", "s", offsetof(Unit, active_state), true },
        { UNIT_INTERFACE, "SubState", "s", offsetof(Unit, sub_state), true },
        { UNIT_INTERFACE, "ActiveEnterTimestamp", "t", offsetof(Unit, active_enter_at_usec), true },
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

/* ---- signals: only while somebody subscribed -------------------------------------------------------- */

static bool subscribed(void)
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

static int emit_changed(const Unit *unit)
{
        if (!subscribed())
                return 0;

        int r = endswith(unit->id, ".service") ? emit_properties(unit, SERVICE_INTERFACE) : 0;
        if (r < 0)
                return r;

        return emit_properties(unit, UNIT_INTERFACE);
}

static int emit_unit(const char *member, const char *id)
{
        _cleanup_(freep) char *path = unit_path(id);

        return subscribed() ? sd_bus_emit_signal(fake.bus, MANAGER_PATH, MANAGER_INTERFACE, member, "so", id,
                                                 path)
                            : 0;
}

/* Asking for a unit that nothing keeps in memory loads it and drops it again, with signals for both. */
static int emit_loaded_and_dropped(const Unit *unit)
{
        if (!streq(unit->active_state, "inactive"))
                return 0;

        int r = emit_unit("UnitNew", unit->id);
        return r < 0 ? r : emit_unit("UnitRemoved", unit->id);
}

/* ---- org.freedesktop.systemd1.Manager --------------------------------------------------------------- */

static int method_list_units_by_names(sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;

        int r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(message, 's', &name)) > 0) {
                if (!name_is_valid(name))
                        continue;
                if (name_is_template(name))
                        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INVALID_ARGS,
                                                          "Unit name %s is missing the instance name.",
                                                          name);

                const Unit *known = unit_find(name);
                Unit unit = known ? *known : unit_absent(name);
                _cleanup_(freep) char *path = unit_path(unit.id);

                r = sd_bus_message_append(reply, "(ssssssouso)", unit.id, unit.id, unit.load_state,
                                          unit.active_state, unit.sub_state, "", path, unit.job,
                                          unit.job ? "start" : "", "/");
                if (r < 0)
                        return r;
                r = emit_loaded_and_dropped(&unit);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_subscribe(sd_bus_message *message)
{
        if (sd_bus_track_count_sender(fake.subscribers, message) > 0)
                return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.AlreadySubscribed",
                                                  "Client is already subscribed.");

        int r = sd_bus_track_add_sender(fake.subscribers, message);
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int method_unsubscribe(sd_bus_message *message)
{
        int r = sd_bus_track_remove_sender(fake.subscribers, message);
        if (r == 0)
                return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NotSubscribed",
                                                  "Client is not subscribed.");

        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int reply_path(sd_bus_message *message, const char *name)
{
        const Unit *unit = unit_find(name);
        _cleanup_(freep) char *path = unit_path(unit ? unit->id : name);

        return sd_bus_reply_method_return(message, "o", path);
}

static int method_load_unit(sd_bus_message *message)
{
        const char *name;

        int r = sd_bus_message_read(message, "s", &name);
        return r < 0 ? r : reply_path(message, name);
}

static int method_get_unit(sd_bus_message *message)
{
        const char *name;

        int r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        if (!unit_find(name))
                return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NoSuchUnit",
                                                  "Unit %s not loaded.", name);

        return reply_path(message, name);
}

static void job_path(uint32_t job, char *ret_path, size_t size)
{
        (void) snprintf(ret_path, size, MANAGER_PATH "/job/%u", job);
}

static int method_start_unit(sd_bus_message *message)
{
        const char *name, *mode;
        char path[64];

        int r = sd_bus_message_read(message, "ss", &name, &mode);
        if (r < 0)
                return r;

        Unit *unit = unit_find(name);
        if (!unit || !streq(unit->load_state, "loaded"))
                return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NoSuchUnit",
                                                  "Unit %s not found.", name);

        /* A start job that is still under way takes another start in. */
        if (unit->job == 0) {
                unit->job = ++fake.last_job;
                if (getrandom(unit->invocation_id, sizeof unit->invocation_id, 0) < 0)
                        return -errno;
                copy_text(unit->active_state, sizeof unit->active_state, "activating");
                copy_text(unit->sub_state, sizeof unit->sub_state, "start");
                copy_text(unit->result, sizeof unit->result, "success");
                unit->main_status = 0;
                unit->main_start_at_usec = time_now(CLOCK_REALTIME);
                unit->main_exit_at_usec = 0;
        }

        job_path(unit->job, path, sizeof path);
        r = sd_bus_reply_method_return(message, "o", path);
        return r < 0 ? r : emit_changed(unit);
}

/* ---- org.freedesktop.DBus.Properties ---------------------------------------------------------------- */

static int unit_of_message(sd_bus_message *message, Unit *ret_unit)
{
        _cleanup_(freep) char *name = NULL;

        int r = sd_bus_path_decode(sd_bus_message_get_path(message), UNIT_PREFIX, &name);
        if (r < 0)
                return r;
        if (r == 0)
                return 0;

        const Unit *known = unit_find(name);
        *ret_unit = known ? *known : unit_absent(name);
        return 1;
}

static int method_get(sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *interface, *name;
        Unit unit;

        int r = sd_bus_message_read(message, "ss", &interface, &name);
        if (r < 0)
                return r;
        if (streq(name, "Version"))
                return sd_bus_reply_method_return(message, "v", "s", "252.39-1~deb12u1");

        r = unit_of_message(message, &unit);
        if (r < 0)
                return r;
        for (size_t i = 0; r > 0 && i < ELEMENTSOF(properties); i++) {
                if (!streq(properties[i].interface, interface) || !streq(properties[i].name, name))
                        continue;
                r = sd_bus_message_new_method_return(message, &reply);
                if (r < 0)
                        return r;
                r = property_append(reply, &properties[i], &unit);
                if (r < 0)
                        return r;
                r = sd_bus_send(NULL, reply, NULL);
                return r < 0 ? r : emit_loaded_and_dropped(&unit);
        }

        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_PROPERTY, "Unknown property '%s'.",
                                          name);
}

static int method_get_all(sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *interface;
        Unit unit;

        int r = sd_bus_message_read(message, "s", &interface);
        if (r < 0)
                return r;
        r = unit_of_message(message, &unit);
        if (r < 0)
                return r;
        if (r == 0)
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_OBJECT, "No such unit.");

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = properties_append(reply, interface, &unit, false);
        if (r < 0)
                return r;

        r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : emit_loaded_and_dropped(&unit);
}

static const struct {
        const char *member;
        int (*handle)(sd_bus_message *message);
} methods[] = {
        { "ListUnitsByNames", method_list_units_by_names },
        { "Subscribe", method_subscribe },
        { "Unsubscribe", method_unsubscribe },
        { "GetUnit", method_get_unit },
        { "LoadUnit", method_load_unit },
        { "StartUnit", method_start_unit },
        { "Get", method_get },
        { "GetAll", method_get_all },
};

/* ---- counting, holding, failing --------------------------------------------------------------------- */

static Member *member_make(const char *name)
{
        for (size_t i = 0; i < fake.n_members; i++)
                if (streq(fake.members[i].name, name))
                        return &fake.members[i];

        assert(fake.n_members < MEMBERS_MAX);
        Member *member = &fake.members[fake.n_members++];
        copy_text(member->name, sizeof member->name, name);
        return member;
}

static int handle(sd_bus_message *message)
{
        const char *name = sd_bus_message_get_member(message);
        const Member *member = member_make(name);
        int r = -ENOSYS;

        if (member->error[0] != '\0')
                return sd_bus_reply_method_errorf(message, member->error, "The test wants it so.");

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].member, name))
                        r = methods[i].handle(message);

        return r < 0 ? sd_bus_reply_method_errno(message, r, NULL) : 1;
}

static int answer_waiters(void)
{
        for (size_t i = 0; i < fake.n_waiters;) {
                Waiter *waiter = &fake.waiters[i];

                if (member_make(waiter->member)->calls < waiter->calls) {
                        i++;
                        continue;
                }
                int r = sd_bus_reply_method_return(waiter->message, NULL);
                if (r < 0)
                        return r;
                sd_bus_message_unref(waiter->message);
                *waiter = fake.waiters[--fake.n_waiters];
        }

        return 0;
}

static int on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        if (!sd_bus_message_is_method_call(message, NULL, NULL))
                return 0;

        Member *member = member_make(sd_bus_message_get_member(message));
        member->calls++;
        member_make("total")->calls++;
        int r = answer_waiters();
        if (r < 0)
                return r;

        if (!member->held)
                return handle(message);
        assert(fake.n_held < HELD_MAX);
        fake.held[fake.n_held++] = sd_bus_message_ref(message);
        return 1;
}

/* ---- org.devbox.FakeSystemd1: what fake.h calls ----------------------------------------------------- */

static int control_set_unit(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *id, *load, *active, *sub;
        uint64_t enter;

        int r = sd_bus_message_read(message, "sssst", &id, &load, &active, &sub, &enter);
        if (r < 0)
                return r;

        Unit *unit = unit_make(id);
        copy_text(unit->load_state, sizeof unit->load_state, load);
        copy_text(unit->active_state, sizeof unit->active_state, active);
        copy_text(unit->sub_state, sizeof unit->sub_state, sub);
        unit->active_enter_at_usec = enter;
        r = emit_changed(unit);
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int control_set_alias(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *id, *alias;

        int r = sd_bus_message_read(message, "ss", &id, &alias);
        if (r < 0)
                return r;

        Unit *unit = unit_make(id);
        copy_text(unit->alias, sizeof unit->alias, alias);
        return sd_bus_reply_method_return(message, NULL);
}

static int control_finish(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *id, *result;
        int32_t status;
        char path[64];

        int r = sd_bus_message_read(message, "ssi", &id, &result, &status);
        if (r < 0)
                return r;

        Unit *unit = unit_make(id);
        bool done = streq(result, "success");
        uint32_t job = TAKE(unit->job, 0);
        job_path(job, path, sizeof path);
        copy_text(unit->active_state, sizeof unit->active_state, done ? "inactive" : "failed");
        copy_text(unit->sub_state, sizeof unit->sub_state, done ? "dead" : "failed");
        copy_text(unit->result, sizeof unit->result, result);
        unit->main_status = status;
        unit->main_exit_at_usec = time_now(CLOCK_REALTIME);

        r = emit_changed(unit);
        if (r >= 0 && subscribed())
                r = sd_bus_emit_signal(fake.bus, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", "uoss", job,
                                       path, id, done ? "done" : "failed");
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int control_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        for (int active = 1; subscribed() && active >= 0; active--) {
                int r = sd_bus_emit_signal(fake.bus, MANAGER_PATH, MANAGER_INTERFACE, "Reloading", "b",
                                           active);
                if (r < 0)
                        return r;
        }

        return sd_bus_reply_method_return(message, NULL);
}

static int control_fail(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *with;

        int r = sd_bus_message_read(message, "ss", &name, &with);
        if (r < 0)
                return r;

        Member *member = member_make(name);
        copy_text(member->error, sizeof member->error, with);
        return sd_bus_reply_method_return(message, NULL);
}

static int control_hold(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;
        int held;

        int r = sd_bus_message_read(message, "sb", &name, &held);
        if (r < 0)
                return r;

        member_make(name)->held = held;
        for (size_t i = 0; !held && i < fake.n_held;) {
                if (!streq(sd_bus_message_get_member(fake.held[i]), name)) {
                        i++;
                        continue;
                }
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = fake.held[i];
                fake.n_held--;
                memmove(&fake.held[i], &fake.held[i + 1], (fake.n_held - i) * sizeof fake.held[0]);
                r = handle(call);
                if (r < 0)
                        return r;
        }

        return sd_bus_reply_method_return(message, NULL);
}

static int control_get_calls(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;

        int r = sd_bus_message_read(message, "s", &name);
        return r < 0 ? r : sd_bus_reply_method_return(message, "t", member_make(name)->calls);
}

static int control_wait_calls(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Waiter *waiter = &fake.waiters[fake.n_waiters];
        const char *name;

        assert(fake.n_waiters < WAITERS_MAX);
        int r = sd_bus_message_read(message, "st", &name, &waiter->calls);
        if (r < 0)
                return r;

        copy_text(waiter->member, sizeof waiter->member, name);
        waiter->message = sd_bus_message_ref(message);
        fake.n_waiters++;
        r = answer_waiters();
        return r < 0 ? r : 1;
}

static int control_get_subscribers(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(message, "u", sd_bus_track_count(fake.subscribers));
}

static const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("SetUnit", "sssst", NULL, control_set_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetAlias", "ss", NULL, control_set_alias, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Finish", "ssi", NULL, control_finish, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", NULL, NULL, control_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Fail", "ss", NULL, control_fail, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Hold", "sb", NULL, control_hold, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetCalls", "s", "t", control_get_calls, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WaitCalls", "st", NULL, control_wait_calls, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetSubscribers", NULL, "u", control_get_subscribers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int run(sd_event *event)
{
        int r = sd_bus_open_system(&fake.bus);
        if (r < 0)
                return r;
        r = sd_bus_set_exit_on_disconnect(fake.bus, true);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(fake.bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = sd_bus_track_new(fake.bus, &fake.subscribers, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_bus_add_fallback(fake.bus, NULL, MANAGER_PATH, on_call, NULL);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(fake.bus, NULL, "/org/devbox/FakeSystemd1", "org.devbox.FakeSystemd1",
                                     control_vtable, NULL);
        if (r < 0)
                return r;
        r = sd_bus_request_name(fake.bus, "org.freedesktop.systemd1", 0);
        if (r < 0)
                return r;

        return sd_event_loop(event);
}

int main(void)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;

        int r = sd_event_default(&event);
        if (r >= 0)
                r = run(event);

        for (size_t i = 0; i < fake.n_held; i++)
                sd_bus_message_unref(fake.held[i]);
        sd_bus_track_unref(fake.subscribers);
        sd_bus_flush_close_unref(fake.bus);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
