/* SPDX-License-Identifier: MIT */
/* Who may call which method of the mesh: a caller that is not root, with a fake polkit that allows, denies
 * or would ask; which action it is asked about; and that nothing happens before. */

#include <unistd.h>

#include "fake-polkit.h"
#include "mesh-world.h"

#define NOBODY    65534
#define ENROLL    "org.devbox.mesh.enroll"
#define CONFIGURE "org.devbox.mesh.configure"
#define REVOKE    "org.devbox.mesh.revoke"

static const MethodRow rows[] = {
        { "ConfigureHub", "D", CONFIGURE, "org.devbox.Error.BadRequest" },
        { "SetRoot", "s", CONFIGURE, "org.devbox.Error.NetworkMissing" },
        { "SetPeer", "sD", CONFIGURE, "org.devbox.Error.PeerUnknown" },
        { "Invite", "yD", ENROLL, NULL },
        { "Admit", "ss", ENROLL, NULL },
        { "Withdraw", "s", ENROLL, NULL },
        { "PublishManifest", "s", ENROLL, "org.devbox.Error.NetworkMissing" },
        { "Revoke", "s", REVOKE, "org.devbox.Error.PeerUnknown" },
        { "RevokeAll", "", REVOKE, "org.devbox.Error.NetworkMissing" },
};

static void test_polkit_decides(void **state)
{
        MeshWorld *world = *state;

        if (geteuid() != 0)
                skip(); /* only root can be several users */

        assert_polkit_decides(world->bus, MESH, rows, ELEMENTSOF(rows));
}

static void test_root_is_not_asked_about(void **state)
{
        MeshWorld *world = *state;
        FakePolkit polkit;

        fake_polkit_start(&polkit, world->bus);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_string_not_equal(call_as(&polkit, world->client, MESH, &rows[i], false),
                                        POLKIT_DENIED);
        assert_int_equal(polkit.n_checks, 0);
        fake_polkit_stop(&polkit);
}

/* Only root joins a network, or passes on claims and what the hub sets; who reads is the bus policy's
 * decision. */
static void test_without_polkit(void **state)
{
        static const MethodRow closed[] = {
                { "Join", "yys" },    { "SignJoin", "y" },     { "OpenAnswer", "y" },
                { "FinishJoin", "" }, { "ConfirmJoin", "" },   { "Leave", "" },
                { "Claim", "ys" },    { "SetKeepalive", "t" }, { "RevokeFor", "ss" },
        };
        static const MethodRow open[] = {
                { "GetStatus", "" }, { "ListPeers", "b" }, { "GetRoots", "" },
                { "GetDrift", "" },  { "ListAlarms", "" },
        };
        MeshWorld *world = *state;
        FakePolkit polkit;

        if (geteuid() != 0)
                skip();

        sd_bus *nobody = connect_as(world->bus, NOBODY);
        fake_polkit_start(&polkit, world->bus);
        for (size_t i = 0; i < ELEMENTSOF(closed); i++)
                assert_string_equal(call_as(&polkit, nobody, MESH, &closed[i], true), POLKIT_DENIED);
        for (size_t i = 0; i < ELEMENTSOF(open); i++)
                assert_string_equal(call_as(&polkit, nobody, MESH, &open[i], false), "");
        assert_int_equal(polkit.n_checks, 0);
        sd_bus_flush_close_unref(nobody);
        fake_polkit_stop(&polkit);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                mesh_test(test_polkit_decides),
                mesh_test(test_root_is_not_asked_about),
                mesh_test(test_without_polkit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
