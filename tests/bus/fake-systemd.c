/* SPDX-License-Identifier: MIT */
/* Plays org.freedesktop.systemd1 as systemd 252 does, as far as devbox asks it; fake.h drives it.
 *
 * Every call to the manager's or a unit's object goes through one function, which counts it, lets it wait
 * (Hold) or fails it (Fail), and looks its handler up in one table: so faults work for every member alike.
 * What differs from the real one: jobs of devbox-selftest.service and the like end when the test finishes
 * them (Finish), and nothing is ever loaded from a disk. */

#include "fake-systemd.h"

#include <stdio.h>

FakeSystemd fake;

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
                r = unit_emit_loaded_and_dropped(&unit);
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

void job_path(uint32_t job, char *ret_path, size_t size)
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

        r = unit_start(unit);
        if (r < 0)
                return r;

        job_path(unit->job, path, sizeof path);
        return sd_bus_reply_method_return(message, "o", path);
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
        r = r > 0 ? sd_bus_message_new_method_return(message, &reply) : -ENOENT;
        if (r >= 0)
                r = unit_append_property(reply, &unit, interface, name);
        if (r < 0)
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                                  "Unknown property '%s'.", name);

        r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : unit_emit_loaded_and_dropped(&unit);
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
        r = unit_append_properties(reply, &unit, interface);
        if (r < 0)
                return r;

        r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : unit_emit_loaded_and_dropped(&unit);
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

Member *member_make(const char *name)
{
        for (size_t i = 0; i < fake.n_members; i++)
                if (streq(fake.members[i].name, name))
                        return &fake.members[i];

        assert(fake.n_members < MEMBERS_MAX);
        Member *member = &fake.members[fake.n_members++];
        copy_text(member->name, sizeof member->name, name);
        return member;
}

int handle(sd_bus_message *message)
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

int answer_waiters(void)
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
        r = control_add(fake.bus);
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
