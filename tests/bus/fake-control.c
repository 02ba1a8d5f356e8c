/* SPDX-License-Identifier: MIT */
/* org.devbox.FakeSystemd1: what fake.h calls. */

#include "fake-systemd.h"

static int control_set_unit(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *id, *load, *active, *sub;
        uint64_t enter, exit;

        int r = sd_bus_message_read(message, "sssstt", &id, &load, &active, &sub, &enter, &exit);
        if (r < 0)
                return r;

        Unit *unit = unit_make(id);
        copy_text(unit->load_state, sizeof unit->load_state, load);
        copy_text(unit->active_state, sizeof unit->active_state, active);
        copy_text(unit->sub_state, sizeof unit->sub_state, sub);
        unit->active_enter_at_usec = enter;
        unit->active_exit_at_usec = exit;
        r = unit_emit_changed(unit);
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

static int control_listen(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *path, *id;

        int r = sd_bus_message_read(message, "ss", &path, &id);
        if (r < 0)
                return r;
        r = socket_listen(path, id);
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

static int control_flush(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int r = socket_flush();
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
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

        r = socket_flush();
        if (r >= 0)
                r = unit_emit_changed(unit);
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
        r = socket_update();
        if (r < 0)
                return r;
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
        SD_BUS_METHOD("SetUnit", "sssstt", NULL, control_set_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetAlias", "ss", NULL, control_set_alias, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Listen", "ss", NULL, control_listen, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Flush", NULL, NULL, control_flush, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Finish", "ssi", NULL, control_finish, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", NULL, NULL, control_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Fail", "ss", NULL, control_fail, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Hold", "sb", NULL, control_hold, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetCalls", "s", "t", control_get_calls, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WaitCalls", "st", NULL, control_wait_calls, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetSubscribers", NULL, "u", control_get_subscribers, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int control_add(sd_bus *bus)
{
        return sd_bus_add_object_vtable(bus, NULL, "/org/devbox/FakeSystemd1", "org.devbox.FakeSystemd1",
                                        control_vtable, NULL);
}
