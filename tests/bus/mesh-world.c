/* SPDX-License-Identifier: MIT */
/* The world of the mesh's tests. */

#include "mesh-world.h"

#include <stdio.h>
#include <sys/stat.h>

void mesh_world_start(MeshWorld *world)
{
        const char *const environment[] = { world->state_variable, NULL };

        world->daemon = test_daemon_start_full(
                world->bus,
                &(TestDaemonOptions){ .program = MESH_PROGRAM, .name = MESH, .environment = environment });
}

int mesh_world_up(void **state)
{
        MeshWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        world->bus = test_bus_new();
        world->client = world->bus->client;
        (void) snprintf(world->directory, sizeof world->directory, "%s/state", world->bus->directory);
        (void) snprintf(world->state_variable, sizeof world->state_variable, "STATE_DIRECTORY=%s",
                        world->directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        mesh_world_start(world);
        *state = world;
        return 0;
}

int mesh_world_down(void **state)
{
        MeshWorld *world = *state;

        test_daemon_free(world->daemon);
        test_bus_free(world->bus);
        free(world);
        return 0;
}

sd_bus_message *mesh_call(const MeshWorld *world, const char *member)
{
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(world->client, &call, MESH, MESH_PATH, MESH, member));
        return call;
}

sd_bus_message *mesh_finish(const MeshWorld *world, sd_bus_message *call, const char *wanted)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        char name[96] = "nothing";

        int r = sd_bus_call(world->client, call, 0, &error, &reply);
        if (wanted)
                (void) snprintf(name, sizeof name, "org.devbox.Error.%s", wanted);
        if (r < 0 ? !wanted || !streq(error.name, name) : wanted != NULL)
                fail_msg("%s: %s (%s) instead of %s", sd_bus_message_get_member(call),
                         r < 0 ? error.name : "no error", strempty(error.message), name);
        sd_bus_message_unref(call);
        return reply;
}

/* Texts and numbers; other values are skipped. */
static void read_value(sd_bus_message *reply, char *text, size_t size)
{
        const char *contents;
        const char *string;
        uint64_t number;

        assert_ok(sd_bus_message_peek_type(reply, NULL, &contents));
        if (streq(contents, "s")) {
                assert_ok(sd_bus_message_read(reply, "v", "s", &string));
                (void) snprintf(text, size, "%s", string);
        } else if (streq(contents, "t")) {
                assert_ok(sd_bus_message_read(reply, "v", "t", &number));
                (void) snprintf(text, size, "%llu", (unsigned long long) number);
        } else
                assert_ok(sd_bus_message_skip(reply, "v"));
}

const char *mesh_status(const MeshWorld *world, const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                mesh_finish(world, mesh_call(world, "GetStatus"), NULL);
        static char text[512];
        const char *name;

        text[0] = '\0';
        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sv}"));
        while (assert_ok(sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                assert_ok(sd_bus_message_read(reply, "s", &name));
                if (streq(name, key))
                        read_value(reply, text, sizeof text);
                else
                        assert_ok(sd_bus_message_skip(reply, "v"));
                assert_ok(sd_bus_message_exit_container(reply));
        }
        return text;
}
