/* SPDX-License-Identifier: MIT */
/* The file systems of collector.disks: read in threads, with a deadline. */

#include "collector/disks.h"

#include "fuse-server.h"
#include "proc-tree.h"

#define DEADLINE_USEC (60 * USEC_PER_SEC) /* of a slow machine */

typedef struct World {
        ProcTree *tree;
        sd_event *event;
        Disks *disks;
        unsigned n_refreshed;
} World;

static void on_refreshed(void *owner)
{
        ((World *) owner)->n_refreshed++;
}

static void open_disks(World *world, int proc_fd, usec_t deadline_usec)
{
        DisksOptions options = {
                .deadline_usec = deadline_usec, .fresh_usec = 1, .on_refreshed = on_refreshed, .owner = world
        };

        assert_ok(disks_new(world->event, proc_fd, &options, &world->disks));
}

static int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);
        void *tree;

        assert_non_null(world);
        assert_ok(proc_tree_up(&tree));
        world->tree = tree;
        assert_ok(sd_event_new(&world->event));
        open_disks(world, fcntl(world->tree->fd, F_DUPFD_CLOEXEC, 0), DEADLINE_USEC);
        *state = world;
        return 0;
}

static int world_down(void **state)
{
        World *world = *state;
        void *tree = world->tree;

        fuse_server_abort();
        disks_free(world->disks);
        sd_event_unref(world->event);
        free(world);
        return proc_tree_down(&tree);
}

/* Requests the figures and returns them once they are there. */
static void read_disks(World *world, SystemSample *ret_sample)
{
        unsigned n_before = world->n_refreshed;

        if (assert_ok(disks_request(world->disks)) == DISKS_WAIT)
                while (world->n_refreshed == n_before)
                        assert_true(assert_ok(sd_event_run(world->event, DEADLINE_USEC)) > 0);

        system_sample_init(ret_sample);
        assert_ok(disks_append(world->disks, ret_sample));
}

static bool missed_deadline(const DiskSample *disk)
{
        return streq(strempty(disk->problem), "timeout");
}

/* The same beside one of a server that hangs: again while this machine is too slow for the others. */
static void read_disks_beside(World *world, size_t hanging, SystemSample *ret_sample)
{
        usec_t end = deadline_after(DEADLINE_USEC);
        bool again = true;

        while (again) {
                assert_true(deadline_left(end) > 0);
                read_disks(world, ret_sample);
                again = false;
                for (size_t i = 0; i < ret_sample->n_disks; i++)
                        again = again || (i != hanging && missed_deadline(&ret_sample->disks[i]));
                if (again) {
                        system_sample_done(ret_sample);
                        assert_ok(sd_event_run(world->event, 10 * USEC_PER_MSEC));
                }
        }
}

static void assert_problem(const DiskSample *disk, const char *problem)
{
        assert_string_equal(strempty(disk->problem), problem);
        assert_int_equal(disk->total_bytes == SAMPLE_UNKNOWN, *problem != '\0');
        assert_int_equal(disk->free_bytes == SAMPLE_UNKNOWN, *problem != '\0');
        assert_int_equal(disk->available_bytes == SAMPLE_UNKNOWN, *problem != '\0');
}

static void test_each_keeps_its_place(void **state)
{
        World *world = *state;
        const ProcTree *tree = world->tree;
        char link[128], dots[128];
        char *const paths[] = { (char *) "/no-such", link,         dots, (char *) "/proc-tree-far",
                                (char *) tree->path, (char *) "//" };
        static const char *const problems[] = { "absent", "symlink", "symlink", "remote", "", "" };
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        (void) snprintf(link, sizeof link, "%s/link", tree->path);
        (void) snprintf(dots, sizeof dots, "%s/../tmp", tree->path);
        assert_int_equal(symlinkat("/", tree->fd, "link"), 0);
        proc_tree_write(tree, "self/mountinfo", PROC_MOUNTS "36 35 0:5 / /proc-tree-far rw - nfs h:/x rw\n");
        assert_ok(disks_set_paths(world->disks, paths, ELEMENTSOF(paths)));

        read_disks(world, &sample);
        assert_int_equal(sample.n_disks, ELEMENTSOF(paths));
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                assert_string_equal(sample.disks[i].path, paths[i]); /* as configured */
                assert_problem(&sample.disks[i], problems[i]);
        }
        assert_false(disks_are_complete(world->disks));
        assert_int_equal(disks_hung(world->disks), 0);
}

static void test_without_the_mount_table_only_the_root_is_read(void **state)
{
        World *world = *state;
        char *const paths[] = { (char *) "/", (char *) world->tree->path };
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        proc_tree_remove(world->tree, "self/mountinfo");
        assert_ok(disks_set_paths(world->disks, paths, ELEMENTSOF(paths)));
        read_disks(world, &sample);
        assert_problem(&sample.disks[0], "");
        assert_problem(&sample.disks[1], "remote");
}

static void test_no_disks(void **state)
{
        World *world = *state;

        assert_err(disks_request(world->disks), DISKS_READY);
        assert_true(disks_are_complete(world->disks));
}

static void test_new_paths_while_others_are_read(void **state)
{
        World *world = *state;
        char *const first[] = { (char *) "/" }, *const second[] = { (char *) "/no-such", (char *) "/" };
        _cleanup_(system_sample_done) SystemSample sample = { 0 };

        assert_ok(disks_set_paths(world->disks, first, ELEMENTSOF(first)));
        assert_err(disks_request(world->disks), DISKS_WAIT);
        assert_ok(disks_set_paths(world->disks, second, ELEMENTSOF(second)));
        assert_err(disks_request(world->disks), DISKS_WAIT);
        while (world->n_refreshed == 0)
                assert_true(assert_ok(sd_event_run(world->event, DEADLINE_USEC)) > 0);

        system_sample_init(&sample);
        assert_ok(disks_append(world->disks, &sample));
        assert_int_equal(sample.n_disks, 2);
        assert_problem(&sample.disks[0], "absent");
        assert_problem(&sample.disks[1], "");
}

static size_t count_threads(void)
{
        size_t n = 0;
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];

        assert_non_null(file);
        while (fgets(line, sizeof line, file))
                if (startswith(line, "Threads:"))
                        n = strtoul(line + strlen("Threads:"), NULL, 10);
        (void) fclose(file);
        return n;
}

/* A mount over a local one: the mount table has "tmpfs", and the path leads through the server that hangs.
 */
static void test_a_dead_server_is_left_out(void **state)
{
        World *world = *state;
        char srv[128], deep[128];
        char *const paths[] = { (char *) "/", deep, (char *) world->tree->path };

        if (!fuse_server_possible())
                skip();

        (void) snprintf(srv, sizeof srv, "%s/srv", world->tree->path);
        (void) snprintf(deep, sizeof deep, "%s/srv/deep", world->tree->path);
        assert_ok(mkdir(srv, 0755));
        assert_ok(mkdir(deep, 0755));
        assert_ok(mount("tmpfs", deep, "tmpfs", 0, NULL));

        disks_free(world->disks);
        open_disks(world, open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), 200 * USEC_PER_MSEC);
        assert_ok(disks_set_paths(world->disks, paths, ELEMENTSOF(paths)));
        fuse_server_mount(srv);
        atomic_store(&fuse_server.dead, true);
        size_t n_threads = count_threads();

        for (int i = 0; i < 50; i++) {
                _cleanup_(system_sample_done) SystemSample sample;

                read_disks_beside(world, 1, &sample);
                assert_problem(&sample.disks[0], "");
                assert_problem(&sample.disks[1], "timeout");
                assert_problem(&sample.disks[2], "");
                if (i == 20) /* the paths are configured anew, as by a reload */
                        assert_ok(disks_set_paths(world->disks, paths, ELEMENTSOF(paths)));
        }
        assert_int_equal(disks_hung(world->disks), 1); /* one thread, and one request to the server */
        assert_int_equal(atomic_load(&fuse_server.n_unanswered), 1);
        assert_true(count_threads() <= n_threads + 1 + 2); /* the other two may not have ended yet */

        /* The server has ended, and with it the mount: the thread ends, the disk is there again. */
        fuse_server_abort();
        while (disks_hung(world->disks) > 0)
                assert_true(assert_ok(sd_event_run(world->event, DEADLINE_USEC)) > 0);
        _cleanup_(system_sample_done) SystemSample sample;
        read_disks_beside(world, SIZE_MAX, &sample);
        assert_problem(&sample.disks[1], "");
        assert_true(disks_are_complete(world->disks));
        assert_ok(umount2(deep, MNT_DETACH));
}

/* A local disk inside a mount whose server hangs later, and recovers. */
static void test_a_server_that_dies_later(void **state)
{
        World *world = *state;
        char srv[128], deep[128];
        char *const paths[] = { deep };
        _cleanup_(system_sample_done) SystemSample before, during;

        if (!fuse_server_possible())
                skip();

        (void) snprintf(srv, sizeof srv, "%s/srv", world->tree->path);
        (void) snprintf(deep, sizeof deep, "%s/srv/deep", world->tree->path);
        assert_ok(mkdir(srv, 0755));
        fuse_server_mount(srv);
        assert_ok(mount("tmpfs", deep, "tmpfs", 0, NULL));

        disks_free(world->disks);
        open_disks(world, open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), 200 * USEC_PER_MSEC);
        assert_ok(disks_set_paths(world->disks, paths, ELEMENTSOF(paths)));
        read_disks_beside(world, SIZE_MAX, &before);
        assert_problem(&before.disks[0], "");

        atomic_store(&fuse_server.dead, true);
        read_disks(world, &during);
        assert_problem(&during.disks[0], "timeout");

        fuse_server_abort();
        while (disks_hung(world->disks) > 0)
                assert_true(assert_ok(sd_event_run(world->event, DEADLINE_USEC)) > 0);
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                world_test(test_each_keeps_its_place),
                world_test(test_without_the_mount_table_only_the_root_is_read),
                world_test(test_no_disks),
                world_test(test_new_paths_while_others_are_read),
                world_test(test_a_dead_server_is_left_out),
                world_test(test_a_server_that_dies_later),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
