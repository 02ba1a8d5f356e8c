/* SPDX-License-Identifier: MIT */
/* What runs on a device that is revoked: devbox-dispatch hangs up before the peer is removed. Whatever it
 * does, the device is revoked. */

#include <poll.h>
#include <stdio.h>

#include "basic/time.h"
#include "mesh-world.h"

#define DISPATCH "org.devbox.Dispatch1"

/* In place of 15 ms: so long does a call of the bus wait. */
#define PATIENCE_USEC USEC_PER_SEC
#define PATIENT       "DEVBOX_HANG_UP_MS", "1000"

typedef enum Answer { ANSWER_NONE_RUNS, ANSWER_ONE_RUNS, ANSWER_ERROR, ANSWER_NEVER } Answer;

static struct FakeDispatch {
        const MeshWorld *mesh;
        sd_bus *bus;
        Answer answer;
        char devices[64]; /* of the last call */
        size_t n_devices;
        bool has_peer;   /* dev-b was still in the kernel */
        usec_t due_usec; /* before that it must have been */
        bool late;
        sd_bus_message *call; /* without an answer */
} dispatch;

static int on_hang_up(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name;

        assert_ok(sd_bus_message_enter_container(message, 'a', "s"));
        while (assert_ok(sd_bus_message_read_basic(message, 's', &name)) > 0)
                dispatch.n_devices +=
                        (size_t) snprintf(dispatch.devices + dispatch.n_devices,
                                          sizeof dispatch.devices - dispatch.n_devices, "%s ", name);
        dispatch.has_peer = mesh_world_has_peer(dispatch.mesh, 0xb2);
        dispatch.late = deadline_left(dispatch.due_usec) == 0;
        switch (dispatch.answer) {
        case ANSWER_ERROR:
                return -EIO;
        case ANSWER_NEVER:
                dispatch.call = sd_bus_message_ref(message);
                return 1;
        default:
                return sd_bus_reply_method_return(message, "u", dispatch.answer == ANSWER_ONE_RUNS ? 1 : 0);
        }
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("HangUp", "as", "u", on_hang_up, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void dispatch_start(const MeshWorld *world, Answer answer)
{
        dispatch = (struct FakeDispatch){ .mesh = world,
                                          .bus = test_bus_connect(world->bus),
                                          .answer = answer };
        assert_ok(sd_bus_add_object_vtable(dispatch.bus, NULL, "/org/devbox/Dispatch1", DISPATCH, vtable,
                                           NULL));
        assert_ok(sd_bus_request_name(dispatch.bus, DISPATCH, 0));
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        *(sd_bus_message **) userdata = sd_bus_message_ref(message);
        return 0;
}

/* Works for the fake until the reply is there. */
static int call_beside(const MeshWorld *world, sd_bus_message *call, sd_bus_error *error,
                       sd_bus_message **ret_reply)
{
        usec_t deadline = deadline_after(TEST_DEADLINE_SEC * USEC_PER_SEC);

        dispatch.due_usec = deadline_after(PATIENCE_USEC);
        assert_ok(sd_bus_call_async(world->client, NULL, call, on_reply, ret_reply, 0));
        while (!*ret_reply) {
                assert_true(deadline_left(deadline) > 0);
                if (assert_ok(sd_bus_process(dispatch.bus, NULL)) == 0 &&
                    assert_ok(sd_bus_process(world->client, NULL)) == 0)
                        (void) poll(NULL, 0, 1);
        }
        return sd_bus_message_is_method_error(*ret_reply, NULL)
                       ? sd_bus_error_copy(error, sd_bus_message_get_error(*ret_reply))
                       : 0;
}

static bool was_called(void *userdata)
{
        return dispatch.n_devices > 0;
}

static void test_hang_up(void **state)
{
        static const struct {
                Answer answer;
                unsigned min_usec; /* that the revocation takes: with packets, or an answer, to wait for */
        } rows[] = {
                { ANSWER_NONE_RUNS, 0 },
                { ANSWER_ONE_RUNS, 10000 },
                { ANSWER_ERROR, 0 },
                { ANSWER_NEVER, 15000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MeshWorld *world;

                mesh_world_skip();
                bool never = rows[i].answer == ANSWER_NEVER; /* as long as by default */
                assert_int_equal(never ? unsetenv("DEVBOX_HANG_UP_MS") : setenv(PATIENT, 1), 0);
                assert_int_equal(mesh_world_up_hub((void **) &world), 0);
                dispatch_start(world, rows[i].answer);
                world->call = call_beside;
                sd_bus_message *call = mesh_call(world, "Revoke");
                assert_ok(sd_bus_message_append(call, "s", "dev-b"));
                sd_bus_message *reply = mesh_finish(world, call, NULL);
                world->call = NULL;

                unsigned long long elapsed = strtoull(mesh_read_key(reply, "elapsed_usec"), NULL, 10);
                print_message("%d: %llu us\n", (int) rows[i].answer, elapsed);
                assert_true(elapsed >= rows[i].min_usec);
                test_bus_process_until(dispatch.bus, was_called, NULL);
                assert_string_equal(dispatch.devices, "dev-b ");
                assert_true(dispatch.has_peer || dispatch.late || never);
                assert_false(mesh_world_has_peer(world, 0xb2));
                assert_false(mesh_has_drift(world, "peer-revoked"));
                sd_bus_message_unref(reply);
                sd_bus_message_unref(dispatch.call);
                sd_bus_flush_close_unref(dispatch.bus);
                mesh_world_down((void **) &world);
        }
        assert_int_equal(setenv(PATIENT, 1), 0);
}

static void test_all(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        dispatch_start(world, ANSWER_ONE_RUNS);
        world->call = call_beside;
        sd_bus_message_unref(mesh_finish(world, mesh_call(world, "RevokeAll"), NULL));
        world->call = NULL;
        assert_string_equal(dispatch.devices, "dev-a dev-b dev-c ");
        assert_true(dispatch.has_peer || dispatch.late);
        assert_false(mesh_world_has_peer(world, 0xb2));
        sd_bus_flush_close_unref(dispatch.bus);
}

/* A dispatcher that does not run has no connections: it is not started. */
static void test_not_started(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        test_bus_add_activation(world->bus, DISPATCH, "src/dispatch/devbox-dispatch");
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_false(mesh_world_has_peer(world, 0xb2));
        assert_false(test_bus_has_owner(world->bus, DISPATCH));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hang_up),
                mesh_hub_test(test_all),
                mesh_hub_test(test_not_started),
        };

        assert_int_equal(setenv(PATIENT, 1), 0);
        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
