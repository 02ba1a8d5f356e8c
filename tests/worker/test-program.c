/* SPDX-License-Identifier: MIT */
/* Which files may run. */

#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "worker/program.h"

typedef struct World {
        char directory[32];
        int fd;
} World;

static void put(const World *world, const char *name, const char *content, size_t size, mode_t mode)
{
        _cleanup_(fd_closep) int fd = openat(world->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

        assert_ok(fd);
        assert_ok(fd_write_all(fd, BYTES(content, size)));
        assert_int_equal(fchmod(fd, mode), 0);
}

/* bin/good is a real program; the others each have one fault. */
static int world_up(void **state)
{
        World *world = calloc(1, sizeof *world);
        char *program = NULL;
        size_t size = 0;

        assert_non_null(world);
        (void) strcpy(world->directory, "/tmp/devbox-program-XXXXXX");
        assert_non_null(mkdtemp(world->directory));
        world->fd = assert_ok(open(world->directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
        assert_int_equal(mkdirat(world->fd, "bin", 0755), 0);
        assert_int_equal(mkdirat(world->fd, "open", 0700), 0);
        assert_int_equal(fchmodat(world->fd, "open", 0777, 0), 0);
        assert_int_equal(symlinkat("bin", world->fd, "link"), 0);
        assert_int_equal(symlinkat("good", world->fd, "bin/alias"), 0);
        assert_int_equal(mkfifoat(world->fd, "bin/fifo", 0700), 0);

        assert_ok(fd_read_file_at(AT_FDCWD, "/usr/bin/true", 1024 * 1024, &program, &size));
        put(world, "bin/good", program, size, 0755);
        put(world, "bin/writable", program, size, 0775);
        put(world, "bin/setuid", program, size, 04755);
        put(world, "bin/cut", program, 100, 0755);
        put(world, "open/good", program, size, 0755);
        put(world, "bin/script", "#!/bin/sh\n", 10, 0755);
        put(world, "bin/empty", "", 0, 0755);
        free(program);
        *state = world;
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
        return remove(path);
}

static int world_down(void **state)
{
        World *world = *state;

        (void) fd_close(world->fd);
        assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

static int open_program(const World *world, const char *path, uid_t owner, const Sha256 *sha256,
                        const char **ret_why)
{
        _cleanup_(program_done) Program program = PROGRAM_NULL;
        const ProgramRules rules = { .root_fd = world->fd, .owner = owner, .sha256 = sha256 };

        return program_open(&rules, path, &program, ret_why);
}

static void test_what_runs(void **state)
{
        static const struct {
                const char *path, *why; /* why: a part of it; NULL: it may run */
        } rows[] = {
                { "/bin/good", NULL },
                { "/bin/absent", "does not exist" },
                { "/bin", "not a regular file" },
                { "/bin/alias", "symbolic link" },
                { "/link/good", "symbolic link" },
                { "/bin/writable", "replaced by other users" },
                { "/open/good", "replaced by other users" },
                { "/bin/setuid", "set-user-id" },
                { "/bin/script", "script" },
                { "/bin/empty", "script" },
                { "/bin/cut", "damaged" },
                { "/bin/fifo", "not a regular file" },
        };
        const Sha256 any = { { 0 } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *why = NULL;
                assert_err(open_program(*state, rows[i].path, getuid(), &any, &why),
                           rows[i].why ? DEVBOX_ERROR_BINARY_NOT_ALLOWED : 0);
                if (rows[i].why && (!why || !strstr(why, rows[i].why)))
                        fail_msg("%s: %s", rows[i].path, strempty(why));
        }
}

static void test_owner(void **state)
{
        const Sha256 any = { { 0 } };
        const char *why = NULL;

        assert_err(open_program(*state, "/bin/good", getuid() + 1, &any, &why),
                   DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_non_null(strstr(why, "not owned"));
}

static void test_digest(void **state)
{
        const World *world = *state;
        _cleanup_(freep) char *program = NULL;
        const char *why = NULL;
        size_t size = 0;
        Sha256 digest;

        assert_ok(fd_read_file_at(world->fd, "bin/good", 1024 * 1024, &program, &size));
        sha256(BYTES(program, size), &digest);
        assert_ok(open_program(world, "/bin/good", getuid(), &digest, &why));

        digest.bytes[0] ^= 1;
        assert_err(open_program(world, "/bin/good", getuid(), &digest, &why),
                   DEVBOX_ERROR_BINARY_NOT_ALLOWED);
        assert_non_null(strstr(why, "digest"));
}

static void test_interpreter(void **state)
{
        const World *world = *state;
        _cleanup_(program_done) Program program = PROGRAM_NULL;
        const Sha256 any = { { 0 } };
        const char *why = NULL;

        const ProgramRules rules = { .root_fd = world->fd, .owner = getuid(), .sha256 = &any };

        assert_ok(program_open(&rules, "/bin/good", &program, &why));
        assert_true(startswith(program.interpreter, "/lib"));
        assert_int_equal(access(program.interpreter, X_OK), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_runs),
                cmocka_unit_test(test_owner),
                cmocka_unit_test(test_digest),
                cmocka_unit_test(test_interpreter),
        };

        return cmocka_run_group_tests(tests, world_up, world_down);
}
