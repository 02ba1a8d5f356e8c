/* SPDX-License-Identifier: MIT */
/* What #operator-approvals learns without having asked: each once, and taken back when it is over.
 * devbox-dispatch is a fake here, so that a device can be in any state. */

#include <time.h>

#include "basic/time.h"
#include "chat-world.h"
#include "files.h"

typedef struct AlertDevice {
        const char *name, *id; /* of the device, and of its one request */

        /* NULL: absent, as what is wrong */
        const char *presence, *quarantine, *witness_problem, *ledger_problem;
        const char *manifest; /* its end: "soon" or "later"; NULL: it has none */
        bool revoked;
        bool unknown; /* what is absent is not known; its presence is "never" */

        const char *request_state; /* NULL: there is none */
        uint64_t created_ms;
} AlertDevice;

typedef struct AlertWorld {
        ChatWorld *chat;
        sd_bus *bus;
        AlertDevice devices[2]; /* the first is devbox-mesh's, too */
} AlertWorld;

static const AlertDevice devices_at_first[] = {
        { .name = "dev-a", .id = "01JDMXV3Q2TTTTTTTTTTTTTTTT", .presence = "online" },
        { .name = DEVICE_2, .id = "01JDMXV3Q2SSSSSSSSSSSSSSSS", .presence = "online" },
};

/* ---- org.devbox.Dispatch1 */

static int append_text(sd_bus_message *reply, const char *key, const char *value)
{
        return value ? sd_bus_message_append(reply, "{sv}", key, "s", value) : 0;
}

static int append_manifest(sd_bus_message *reply, const char *end)
{
        uint64_t now_ms = time_now(CLOCK_REALTIME) / USEC_PER_MSEC, day_ms = 24 * 3600 * 1000;

        return end ? sd_bus_message_append(reply, "{sv}", "manifest_expires_at_ms", "t",
                                           now_ms + (streq(end, "soon") ? 6 : 8) * day_ms)
                   : 0;
}

static int append_device(const AlertDevice *device, sd_bus_message *reply)
{
        const struct {
                const char *key, *value;
        } rows[] = {
                { "name", device->name },
                { "presence", device->unknown ? "never" : device->presence },
                { "quarantine", device->quarantine },
                { "witness_problem", device->witness_problem },
                { "ledger_problem", device->ledger_problem },
        };

        if (device->revoked)
                return 0;
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                r = append_text(reply, rows[i].key, rows[i].value);
        if (r >= 0)
                r = append_manifest(reply, device->manifest);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "quarantine_known", "b", !device->unknown,
                                          "witness_known", "b", !device->unknown, "ledger_known", "b",
                                          !device->unknown);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_request(const AlertDevice *device, sd_bus_message *reply)
{
        return sd_bus_message_append(reply, "a{sv}", 8, "id", "s", device->id, "device", "s", device->name,
                                     "capability", "s", "fs.write", "principal", "s", ANA, "state", "s",
                                     device->request_state, "tier", "s", "message", "description", "s",
                                     "fs.write /x", "created_at_ms", "t", device->created_ms);
}

static int append_waiting(const AlertDevice *device, sd_bus_message *reply)
{
        return streq(strempty(device->request_state), "approving") ? append_request(device, reply) : 0;
}

static int reply_rows(sd_bus_message *call, const AlertWorld *world,
                      int (*append)(const AlertDevice *device, sd_bus_message *reply))
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(world->devices); i++)
                r = append(&world->devices[i], reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply_rows(call, userdata, append_device);
}

static int on_list_approvals(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        return reply_rows(call, userdata, append_waiting);
}

static int on_get_request(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const AlertWorld *world = userdata;
        const char *id;

        int r = sd_bus_message_read(call, "s", &id);
        if (r >= 0)
                r = sd_bus_message_new_method_return(call, &reply);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(world->devices); i++)
                if (streq(world->devices[i].id, id))
                        r = append_request(&world->devices[i], reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable dispatch[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListDevices", "", "aa{sv}", on_list_devices, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListApprovals", "", "aa{sv}", on_list_approvals, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetRequest", "s", "a{sv}", on_get_request, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int up(void **state)
{
        AlertWorld *world = calloc(1, sizeof *world);
        void *chat = NULL;

        assert_non_null(world);
        assert_int_equal(chat_world_up(&chat), 0);
        world->chat = chat;
        memcpy(world->devices, devices_at_first, sizeof world->devices);
        RunWorld *run = world->chat->run;
        assert_int_equal(test_daemon_stop(run->dispatch), 0);
        run->dispatch = test_daemon_free(run->dispatch);
        world->bus = test_bus_connect(run->ledger->bus);
        assert_ok(sd_bus_attach_event(world->bus, world->chat->event, 0));
        assert_ok(sd_bus_add_object_vtable(world->bus, NULL, "/org/devbox/Dispatch1", DISPATCH, dispatch,
                                           world));
        assert_ok(sd_bus_request_name(world->bus, DISPATCH, 0));
        *state = world;
        return 0;
}

static int down(void **state)
{
        AlertWorld *world = *state;
        void *chat = world->chat;

        sd_bus_flush_close_unref(world->bus);
        free(world);
        return chat_world_down(&chat);
}

/* ---- tests */

/* Reads the devices again; twice, so that an alert that is not announced once shows. */
static void look(const AlertWorld *world)
{
        for (int i = 0; i < 2; i++)
                run_world_set_stale(world->chat->run, false);
}

/* What Ana has read of a device that is LIKE this: its name goes before it, but behind a '%'. */
static unsigned read_of(const AlertWorld *world, size_t device, const char *rest)
{
        int n = *rest == '%';
        _cleanup_(freep) char *pattern = text_of("%.*s%s%s", n, rest, world->devices[device].name, rest + n);

        return chat_read(world->chat, pattern);
}

static void wait_read(AlertWorld *world, size_t device, const char *rest, unsigned n)
{
        CHAT_UNTIL(world->chat, read_of(world, device, rest) == n);
}

static void set_detail(AlertWorld *world, size_t device, size_t offset, const char *detail)
{
        *(const char **) ((char *) &world->devices[device] + offset) = detail;
        look(world);
}

/* Each state of two devices, one after the other, and twice. */
static void test_states(void **state)
{
        static const struct {
                size_t detail;
                const char *good, *bad, *raised, *over;
        } rows[] = {
                { offsetof(AlertDevice, presence), "online", "stale", " is stale: no handshake for a day. %",
                  "% was stale, and is back%" },
                { offsetof(AlertDevice, manifest), "later", "soon",
                  " needs a new manifest: the one that it has expires within a week. %",
                  "% needed a new manifest, and has one%" },
                { offsetof(AlertDevice, quarantine), NULL, "witness_fork",
                  " is quarantined: witness_fork. %", "% was quarantined, and is no longer%" },
                { offsetof(AlertDevice, witness_problem), NULL, "it does not show its entries",
                  " is not witnessed: it does not show its entries. %",
                  "% was not witnessed, and is again%" },
                { offsetof(AlertDevice, ledger_problem), NULL, "the audit chain cannot be written",
                  " has trouble with its ledger or its disk: the audit chain cannot be written. %",
                  "% had trouble with its ledger or its disk, and works again%" },
        };
        AlertWorld *world = *state;

        for (unsigned n = 1; n <= 2; n++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        for (size_t device = 0; device < 2; device++) {
                                set_detail(world, device, rows[i].detail, rows[i].bad);
                                wait_read(world, device, rows[i].raised, n);
                                assert_int_equal(read_of(world, 1, rows[i].raised), n - 1 + device);
                        }
                        for (size_t device = 0; device < 2; device++) {
                                set_detail(world, device, rows[i].detail, rows[i].good);
                                wait_read(world, device, rows[i].over, n);
                                assert_int_equal(read_of(world, 1, rows[i].over), n - 1 + device);
                                assert_int_equal(read_of(world, device, rows[i].raised), n);
                        }
                }
}

/* What is not known to be over is not taken back, as after a restart of devbox-dispatch or the hub. */
static void test_unknown(void **state)
{
        static const struct {
                size_t detail;
                const char *good, *bad, *raised, *over;
        } rows[] = {
                { offsetof(AlertDevice, presence), "online", "stale", " is stale%", "%was stale%" },
                { offsetof(AlertDevice, quarantine), NULL, "witness_fork", " is quarantined%",
                  "%was quarantined%" },
                { offsetof(AlertDevice, witness_problem), NULL, "x", " is not witnessed%",
                  "%was not witnessed%" },
                { offsetof(AlertDevice, ledger_problem), NULL, "x", " has trouble%", "%had trouble%" },
        };
        AlertWorld *world = *state;
        AlertDevice *device = &world->devices[0];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                set_detail(world, 0, rows[i].detail, rows[i].bad);
                wait_read(world, 0, rows[i].raised, 1);
        }
        device->unknown = true;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                set_detail(world, 0, rows[i].detail, rows[i].good);
        set_detail(world, 1, offsetof(AlertDevice, presence), "stale"); /* read with the other one */
        wait_read(world, 1, " is stale%", 1);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(chat_read(world->chat, rows[i].over), 0);

        device->unknown = false;
        look(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                CHAT_UNTIL(world->chat, chat_read(world->chat, rows[i].over) == 1);
}

/* One that is revoked is in no state any more; the other one stays in its own. */
static void test_revoked(void **state)
{
        AlertWorld *world = *state;

        for (size_t device = 0; device < 2; device++)
                set_detail(world, device, offsetof(AlertDevice, presence), "stale");
        for (size_t device = 0; device < 2; device++)
                wait_read(world, device, " is stale%", 1);
        for (size_t device = 0; device < 2; device++) {
                world->devices[device].revoked = true;
                look(world);
                wait_read(world, device, "% is no longer a device of this network%", 1);
                assert_int_equal(read_of(world, 1, "% is no longer a device of%"), device);
        }
}

/* Several of a kind in an hour are one alert: who has a used token cannot flood the room. */
static void test_occurrences(void **state)
{
        static const struct {
                const char *kind, *detail, *line;
        } rows[] = {
                { "drift", "a peer of nobody",
                  ": the running network was not the desired one, and was repaired: a peer of nobody" },
                { "token_reused", "",
                  ": the invitation of this device was used once more, and was rejected" },
        };
        AlertWorld *world = *state;

        for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++) {
                for (int j = 0; j < 3; j++)
                        run_world_emit(world->chat->run, world->devices[i % 2].name, rows[i / 2].kind,
                                       rows[i / 2].detail);
                wait_read(world, i % 2, rows[i / 2].line, 1);
                assert_int_equal(read_of(world, 1, rows[i / 2].line), i % 2);
        }
        run_world_emit(world->chat->run, "dev-a", "held", "");
        wait_read(world, 0, ": two devices claim to be this one%", 1);
        for (size_t i = 0; i < 2 * ELEMENTSOF(rows); i++)
                assert_int_equal(read_of(world, i % 2, rows[i / 2].line), 1);
}

/* What happens while devbox-matrix is down is announced by the next one, with its time if that was a while
 * ago; and not once more by the one after. */
static void test_occurrences_meanwhile(void **state)
{
        static const char recent[] = ": the running network was not the desired one, and was repaired: mtu",
                          late[] = ": the invitation of this device was used once more, and was rejected, at"
                                   " 20__-__-__ __:__ UTC";
        AlertWorld *world = *state;
        RunWorld *run = world->chat->run;

        kill_matrix(world->chat);
        for (int i = 0; i < 3; i++)
                run_world_emit(run, "dev-a", "drift", "mtu");
        run->event_age_min = 3 * 24 * 60;
        for (int i = 0; i < 3; i++)
                run_world_emit(run, DEVICE_2, "token_reused", "");
        start_matrix(world->chat);
        wait_read(world, 0, recent, 1);
        wait_read(world, 1, late, 1);

        kill_matrix(world->chat);
        start_matrix(world->chat);
        run_world_emit(run, "dev-a", "token_reused", ""); /* read with the others */
        wait_read(world, 0, late, 1);
        assert_int_equal(read_of(world, 0, recent), 1);
        assert_int_equal(read_of(world, 1, late), 1);
}

static void emit_twice(AlertWorld *world, size_t device, const char *kind)
{
        for (int i = 0; i < 2; i++)
                run_world_emit(world->chat->run, world->devices[device].name, kind, "");
}

static void test_held(void **state)
{
        static const char *const ends[] = { "withdrawn", "expired", "invited" };
        static const char raised[] = ": two devices claim to be this one; neither is admitted. %",
                          over[] = "% was on hold, %; that is over%";
        AlertWorld *world = *state;

        emit_twice(world, 0, "invited"); /* of what is not on hold */
        for (unsigned i = 0; i < ELEMENTSOF(ends); i++) {
                for (size_t device = 0; device < 2; device++) {
                        emit_twice(world, device, "held");
                        wait_read(world, device, raised, i + 1);
                        assert_int_equal(read_of(world, 1, raised), i + device);
                }
                for (size_t device = 0; device < 2; device++) {
                        emit_twice(world, device, ends[i]);
                        wait_read(world, device, over, i + 1);
                        assert_int_equal(read_of(world, 1, over), i + device);
                }
        }
}

/* What ends while devbox-matrix is down is taken back by the next one, and what begins is announced. */
static void test_held_meanwhile(void **state)
{
        AlertWorld *world = *state;
        RunWorld *run = world->chat->run;

        for (unsigned i = 1; i <= 2; i++)
                for (int held = 1; held >= 0; held--) {
                        kill_matrix(world->chat);
                        atomic_store(&run->held[0], held);
                        start_matrix(world->chat);
                        wait_read(world, 0, ": two devices claim to be this one%", i);
                        wait_read(world, 0, "% was on hold, %; that is over%", held ? i - 1 : i);
                }
}

static void set_request(AlertWorld *world, size_t device, const char *state, unsigned age_min)
{
        AlertDevice *it = &world->devices[device];

        it->request_state = state;
        it->created_ms = (uint64_t) (time(NULL) - age_min * 60) * 1000;
        for (int i = 0; i < 2; i++)
                assert_ok(sd_bus_emit_signal(world->bus, "/org/devbox/Dispatch1", DISPATCH, "ApprovalNeeded",
                                             "sss", it->id, it->name, "fs.write"));
}

/* Announced, reminded of after an hour, and both end with it; that of the other device does not. */
static void test_old_approval(void **state)
{
        static const char *const reminders[] = { "TTTTTT has waited for an hour",
                                                 "SSSSSS has waited for an hour" };
        static const char *const ends[] = { "%TTTTTT expired%", "%SSSSSS expired%" };
        static const char *const asked[] = { "TTTTTT: @ana:x asks dev-a for:_fs.write %",
                                             "SSSSSS: @ana:x asks " DEVICE_2 " for:_fs.write %" };
        AlertWorld *world = *state;

        for (size_t device = 0; device < 2; device++) {
                set_request(world, device, "approving", 50);
                CHAT_UNTIL(world->chat, chat_read(world->chat, asked[device]) == 1);
        }
        for (size_t device = 0; device < 2; device++) {
                set_request(world, device, "approving", 61);
                CHAT_UNTIL(world->chat, chat_read(world->chat, reminders[device]) == 1);
                assert_int_equal(chat_read(world->chat, reminders[1]), device);
        }
        for (size_t device = 0; device < 2; device++) {
                set_request(world, device, "approving", 61);
                set_request(world, device, "expired", 61);
                CHAT_UNTIL(world->chat, chat_read(world->chat, ends[device]) == 2);
                assert_int_equal(chat_read(world->chat, ends[1]), 2 * device);
        }
        for (size_t device = 0; device < 2; device++) {
                assert_int_equal(chat_read(world->chat, asked[device]), 1);
                assert_int_equal(chat_read(world->chat, reminders[device]), 1);
        }
}

#define test(function) cmocka_unit_test_setup_teardown(function, up, down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(test_states),
                test(test_revoked),
                test(test_occurrences),
                test(test_held),
                test(test_held_meanwhile),
                test(test_old_approval),
                test(test_occurrences_meanwhile),
                test(test_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
