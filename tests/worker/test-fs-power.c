/* SPDX-License-Identifier: MIT */
/* fs.write on a disk whose power is cut before each of its calls: the old file is there or the new one, and
 * the new one where its end was reported. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/fd.h"
#include "job-world.h"
#include "test-disk.h"

#define OLD_SIZE 3000
#define NEW_SIZE 60000

static TestDisk disk;
static int n_left; /* calls until the power is cut; 0: it is not */

static void count(void)
{
        if (n_left > 0 && --n_left == 0)
                test_disk_cut(&disk);
}

/* In place of libc's, in what is linked into this program. */
#define COUNTED(type, name, parameters, ...)                                                                \
        type name parameters                                                                                \
        {                                                                                                   \
                count();                                                                                    \
                return (type) syscall(SYS_##name, __VA_ARGS__);                                             \
        }                                                                                                   \
        struct _need_semicolon_

COUNTED(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size);
COUNTED(int, fsync, (int fd), fd);
COUNTED(int, linkat, (int from, const char *old, int to, const char *name, int flags), from, old, to, name,
        flags);
COUNTED(int, renameat2, (int from, const char *old, int to, const char *name, unsigned flags), from, old, to,
        name, flags);

static int up(void **state)
{
        JobWorld *world;
        char image[64];

        assert_int_equal(job_world_up(state), 0);
        world = *state;
        (void) snprintf(image, sizeof image, "%s.disk", world->directory);
        test_disk_new(&disk, image, world->directory);
        return 0;
}

static int down(void **state)
{
        test_disk_free(&disk);
        return job_world_down(state);
}

/* Of a file all of this byte. Returns whether it was reported as written. */
static bool write_note(JobWorld *world, char byte, size_t size)
{
        static char content[NEW_SIZE];

        memset(content, byte, size);
        world->request.arguments.path = (char *) "note";
        world->request.arguments.write_mode = WRITE_REPLACE;
        world->request.arguments.content = (SchemaBlob){ (uint8_t *) content, size };
        job_world_run(world, fs_write_run);
        return world->result == 0 && world->outcome.status == RESULT_FINISHED &&
               world->outcome.exit_code == 0;
}

static char read_note(const JobWorld *world)
{
        static char content[NEW_SIZE + 1];
        char path[64];

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = assert_ok(open(path, O_RDONLY | O_CLOEXEC));
        ssize_t n = read(fd, content, sizeof content);
        assert_int_equal(n, content[0] == 'o' ? OLD_SIZE : NEW_SIZE);
        for (ssize_t i = 1; i < n; i++)
                assert_int_equal(content[i], content[0]);
        return content[0];
}

static void test_cut_before_each_call(void **state)
{
        JobWorld *world = *state;
        unsigned n_old = 0;
        bool cut = true;

        for (int at = 1; cut; at++) {
                assert_true(write_note(world, 'o', OLD_SIZE));
                assert_true(test_run_program("sync", "-f", world->directory));
                n_left = at;
                bool written = write_note(world, 'n', NEW_SIZE);
                cut = n_left == 0;
                n_left = 0;
                if (!cut)
                        test_disk_cut(&disk); /* after its last call */
                test_disk_mount_again(&disk);

                char found = read_note(world);
                n_old += found == 'o';
                assert_true(found == 'n' || (cut && !written));
        }

        assert_true(n_old > 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_cut_before_each_call, up, down),
        };

        if (!test_disk_is_possible()) {
                print_message("SKIPPED: no mount namespace of one's own, or no loop devices: %s\n",
                              strerror(errno));
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
