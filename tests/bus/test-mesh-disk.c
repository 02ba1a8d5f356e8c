/* SPDX-License-Identifier: MIT */
/* devbox-mesh on a full disk: a revocation needs no free space, and holds after a start without any. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "basic/fd.h"
#include "mesh-world.h"

#define DISK_SIZE "size=4m"

static void filler_path(const MeshWorld *world, char ret_path[static 128])
{
        (void) snprintf(ret_path, 128, "%s/filler", world->directory);
}

static void fill_disk(const MeshWorld *world)
{
        static const char block[512];
        char path[128];

        filler_path(world, path);
        _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert_ok(fd);
        while (write(fd, block, sizeof block) == (ssize_t) sizeof block)
                ;
        assert_int_equal(errno, ENOSPC);
}

static void free_disk(const MeshWorld *world)
{
        char path[128];

        filler_path(world, path);
        assert_ok(unlink(path));
}

static int up(void **state)
{
        if (mesh_world_up(state) != 0 || !mesh_world_has_namespaces())
                return 0;
        MeshWorld *world = *state;

        mesh_world_stop(world);
        assert_ok(mount("tmpfs", world->directory, "tmpfs", 0, DISK_SIZE ",mode=0700"));
        mesh_world_start(world);
        mesh_world_make_hub(world);
        return 0;
}

static int down(void **state)
{
        MeshWorld *world = *state;

        world->daemon = test_daemon_free(world->daemon);
        (void) umount2(world->directory, MNT_DETACH);
        return mesh_world_down(state);
}

static void assert_out(const MeshWorld *world)
{
        assert_false(mesh_world_has_peer(world, 0xb2));
        assert_true(mesh_world_has_peer(world, 0xa1));
        assert_true(mesh_world_has_peer(world, 0xc3));
}

static bool is_recorded(const MeshWorld *world, const void *argument)
{
        return test_metric(world->client, MESH, "revocations_recorded_later") == 0;
}

static void test_revoke(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        fill_disk(world);
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        assert_out(world);
        mesh_world_until(mesh_state_is, world, "degraded");
        assert_int_equal(test_metric(world->client, MESH, "revocations_recorded_later"), 1);

        free_disk(world);
        mesh_world_until(is_recorded, world, NULL);
        mesh_world_until(mesh_state_is, world, "up");
        assert_out(world);
}

/* As after a boot: WireGuard has lost its peers, too. */
static void test_start(void **state)
{
        MeshWorld *world = *state;

        mesh_world_skip();
        fill_disk(world);
        mesh_call_name(world, "Revoke", "dev-b", NULL);
        world->daemon = test_daemon_free(world->daemon); /* by SIGKILL */
        mesh_world_stop_engine(world);
        mesh_world_start_engine(world);
        mesh_world_start(world);
        test_bus_wait_log(world->bus, MESH, "mesh.db cannot be used");
        assert_false(mesh_world_has_peer(world, 0xb2));

        free_disk(world);
        mesh_world_until(is_recorded, world, NULL);
        mesh_world_until(mesh_state_is, world, "up");
        assert_out(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_revoke, up, down),
                cmocka_unit_test_setup_teardown(test_start, up, down),
        };

        return cmocka_run_group_tests(tests, mesh_world_enter, NULL);
}
