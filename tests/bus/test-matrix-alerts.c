/* SPDX-License-Identifier: MIT */
/* What #operator-approvals learns without having asked: each once, and taken back when it is over.
 * devbox-dispatch is a fake here, so that a device can be in any state. */

#include <signal.h>
#include <time.h>

#include "chat-world.h"

#define ID "01JDMXV3Q2TTTTTTTTTTTTTTTT"

typedef struct AlertWorld {
        ChatWorld *chat;
        sd_bus *bus;

        /* of the device; NULL: absent */
        const char *quarantine, *witness_problem, *ledger_problem;
        bool revoked;

        const char *request_state; /* of the one request; NULL: there is none */
        uint64_t created_ms;
} AlertWorld;

/* ---- org.devbox.Dispatch1 */

static int append_text(sd_bus_message *reply, const char *key, const char *value)
{
        return value ? sd_bus_message_append(reply, "{sv}", key, "s", value) : 0;
}

static int append_device(const AlertWorld *world, sd_bus_message *reply)
{
        const struct {
                const char *key, *value;
        } rows[] = {
                { "name", "dev-a" },
                { "presence", atomic_load(&world->chat->run->stale) ? "stale" : "online" },
                { "quarantine", world->quarantine },
                { "witness_problem", world->witness_problem },
                { "ledger_problem", world->ledger_problem },
        };

        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                r = append_text(reply, rows[i].key, rows[i].value);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_request(const AlertWorld *world, sd_bus_message *reply)
{
        return sd_bus_message_append(reply, "a{sv}", 8, "id", "s", ID, "device", "s", "dev-a", "capability",
                                     "s", "fs.write", "principal", "s", ANA, "state", "s",
                                     world->request_state, "tier", "s", "message", "arguments", "s", "{}",
                                     "created_at_ms", "t", world->created_ms);
}

static int reply_rows(sd_bus_message *call, const AlertWorld *world, bool any,
                      int (*append)(const AlertWorld *world, sd_bus_message *reply))
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && any)
                r = append(world, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_devices(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const AlertWorld *world = userdata;

        return reply_rows(call, world, !world->revoked, append_device);
}

static int on_list_approvals(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const AlertWorld *world = userdata;

        return reply_rows(call, world, world->request_state && streq(world->request_state, "approving"),
                          append_request);
}

static int on_get_request(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_request(userdata, reply);
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

static void kill_matrix(ChatWorld *chat)
{
        test_daemon_signal(chat->matrix, SIGKILL);
        (void) test_daemon_wait(chat->matrix);
        test_daemon_free(chat->matrix);
}

/* Reads the devices again; twice, so that an alert that is not announced once shows. */
static void look(const AlertWorld *world)
{
        for (int i = 0; i < 2; i++)
                run_world_set_stale(world->chat->run, atomic_load(&world->chat->run->stale));
}

static void wait_read(AlertWorld *world, const char *pattern, unsigned n)
{
        CHAT_UNTIL(world->chat, chat_read(world->chat, pattern) == n);
}

static void test_states(void **state)
{
        AlertWorld *world = *state;
        const struct {
                const char **detail, *text, *raised, *over;
        } rows[] = {
                { &world->quarantine, "witness_fork", "dev-a is quarantined: witness_fork. %",
                  "%dev-a was quarantined, and is no longer%" },
                { &world->witness_problem, "it does not show its entries",
                  "dev-a is not witnessed: it does not show its entries. %",
                  "%dev-a was not witnessed, and is again%" },
                { &world->ledger_problem, "the audit chain cannot be written",
                  "dev-a has trouble with its ledger or its disk: the audit chain cannot be written. %",
                  "%dev-a had trouble with its ledger or its disk, and works again%" },
        };

        for (unsigned round = 1; round <= 2; round++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        *rows[i].detail = rows[i].text;
                        look(world);
                        wait_read(world, rows[i].raised, round);
                        look(world);
                        *rows[i].detail = NULL;
                        look(world);
                        wait_read(world, rows[i].over, round);
                        assert_int_equal(chat_read(world->chat, rows[i].raised), round);
                }
}

/* No handshake for a day; then it is revoked, so that it is not stale any more. */
static void test_stale(void **state)
{
        AlertWorld *world = *state;

        for (unsigned round = 1; round <= 2; round++) {
                run_world_set_stale(world->chat->run, true);
                wait_read(world, "dev-a is stale: no handshake for a day. %", round);
                run_world_set_stale(world->chat->run, false);
                wait_read(world, "%dev-a was stale, and is back%", round);
        }

        run_world_set_stale(world->chat->run, true);
        wait_read(world, "dev-a is stale%", 3);
        world->revoked = true;
        look(world);
        wait_read(world, "%dev-a is no longer a device of this network%", 1);
}

/* Several of a kind in an hour are one alert: who has a used token cannot flood the room. */
static void test_occurrences(void **state)
{
        static const struct {
                const char *kind, *detail, *line;
        } rows[] = {
                { "drift", "a peer of nobody",
                  "dev-a: the running network was not the desired one, and was repaired: a peer of nobody" },
                { "token_reused", "",
                  "dev-a: the invitation of this device was used once more, and was rejected" },
        };
        AlertWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                for (int j = 0; j < 3; j++)
                        run_world_emit(world->chat->run, rows[i].kind, rows[i].detail);
                wait_read(world, rows[i].line, 1);
        }
        run_world_emit(world->chat->run, "held", "");
        wait_read(world, "dev-a: two devices claim to be this one%", 1);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(chat_read(world->chat, rows[i].line), 1);
}

static void test_held(void **state)
{
        static const char *const ends[] = { "withdrawn", "expired", "invited" };
        AlertWorld *world = *state;
        RunWorld *run = world->chat->run;

        run_world_emit(run, "invited", ""); /* of what is not on hold */
        for (unsigned i = 0; i < ELEMENTSOF(ends); i++) {
                for (int j = 0; j < 2; j++)
                        run_world_emit(run, "held", "");
                wait_read(world, "dev-a: two devices claim to be this one; neither is admitted. %", i + 1);
                for (int j = 0; j < 2; j++)
                        run_world_emit(run, ends[i], "");
                wait_read(world, "%dev-a was on hold, %; that is over%", i + 1);
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
                        atomic_store(&run->held, held);
                        start_matrix(world->chat);
                        wait_read(world, "dev-a: two devices claim to be this one%", i);
                        wait_read(world, "%dev-a was on hold, %; that is over%", held ? i - 1 : i);
                }
}

static void set_request(AlertWorld *world, const char *state)
{
        world->request_state = state;
        for (int i = 0; i < 2; i++)
                assert_ok(sd_bus_emit_signal(world->bus, "/org/devbox/Dispatch1", DISPATCH, "ApprovalNeeded",
                                             "sss", ID, "dev-a", "fs.write"));
}

/* Announced, reminded of after an hour, and both end with it. */
static void test_old_approval(void **state)
{
        AlertWorld *world = *state;
        uint64_t now_ms = (uint64_t) time(NULL) * 1000;

        world->created_ms = now_ms - UINT64_C(50) * 60 * 1000;
        set_request(world, "approving");
        wait_read(world, "TTTTTT: @ana:x asks dev-a for fs.write%", 1);
        world->created_ms = now_ms - UINT64_C(61) * 60 * 1000;
        set_request(world, "approving");
        wait_read(world, "TTTTTT has waited for an hour", 1);
        set_request(world, "approving");
        set_request(world, "expired");
        wait_read(world, "%TTTTTT expired%", 2);
        assert_int_equal(chat_read(world->chat, "TTTTTT has waited for an hour"), 1);
        assert_int_equal(chat_read(world->chat, "TTTTTT: @ana:x asks dev-a for fs.write%"), 1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, up, down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(test_states), test(test_stale),          test(test_occurrences),
                test(test_held),   test(test_held_meanwhile), test(test_old_approval),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
