/* SPDX-License-Identifier: MIT */
/* The real mesh on a private bus. */

#include "introspect.h"
#include "mesh-world.h"

static void test_introspects_as_promised(void **state)
{
        const MeshWorld *world = *state;

        assert_introspects(world->bus, MESH, MESH);
        assert_introspects(world->bus, MESH, "org.devbox.Component1");
}

static void test_without_a_role(void **state)
{
        const MeshWorld *world = *state;
        sd_bus_message *call = mesh_call(world, "GetPeer");

        assert_string_equal(mesh_status(world, "role"), "");
        assert_string_equal(mesh_status(world, "state"), "unconfigured");
        assert_string_equal(mesh_status(world, "peers"), "0");
        assert_ok(sd_bus_message_append(call, "s", "dev-a"));
        sd_bus_message_unref(mesh_finish(world, call, "PeerUnknown"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_test(test_introspects_as_promised),
                mesh_test(test_without_a_role),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
