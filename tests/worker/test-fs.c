/* SPDX-License-Identifier: MIT */
/* fs.list, fs.read, fs.write below a root, and what must not lead out of it. */

#include "job-world.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "trust/arguments.h"

static char *path_of(const JobWorld *world, const char *name, char ret_path[static 128])
{
        (void) snprintf(ret_path, 128, "%s/%s", world->directory, name);
        return ret_path;
}

static void assert_finished(const JobWorld *world, int exit_code)
{
        assert_ok(world->result);
        assert_int_equal(world->outcome.status, RESULT_FINISHED);
        assert_int_equal(world->outcome.exit_code, exit_code);
}

static void assert_denied(const JobWorld *world)
{
        assert_ok(world->result);
        assert_int_equal(world->outcome.status, RESULT_FAILED);
        assert_int_equal(world->outcome.reason, DEVBOX_ERROR_PATH_DENIED);
        assert_int_equal(world->sizes[OUTPUT_STDOUT], 0);
}

/* A root with a file, a directory, and what an attacker plants. */
static void plant(JobWorld *world)
{
        char path[128], other[128];

        job_world_write(world, "b", "bee");
        job_world_write(world, "a\nb", "");
        job_world_write(world, "back\\slash", "");
        assert_int_equal(mkdir(path_of(world, "sub", path), 0700), 0);
        job_world_write(world, "sub/deep", "0123456789");
        assert_int_equal(symlink("/etc", path_of(world, "out", path)), 0);
        assert_int_equal(symlink("/etc/passwd", path_of(world, "passwd", path)), 0);
        assert_int_equal(link(path_of(world, "b", path), path_of(world, "second", other)), 0);
        assert_int_equal(mkfifo(path_of(world, "fifo", path), 0600), 0);
}

static void test_list(void **state)
{
        JobWorld *world = *state;

        plant(world);
        job_world_run(world, fs_list_run);
        assert_finished(world, 0);
        assert_string_equal(world->streams[OUTPUT_STDOUT],
                            "a\\012b\nb\nback\\\\slash\nfifo\nout@\npasswd@\nsecond\nsub/\n");

        world->request.arguments.path = (char *) "sub";
        job_world_run(world, fs_list_run);
        assert_finished(world, 0);
        assert_string_equal(world->streams[OUTPUT_STDOUT], "deep\n");
}

static void test_read(void **state)
{
        static const struct {
                const char *path;
                int64_t offset, length;
                const char *content;
        } rows[] = {
                { "sub/deep", 0, 0, "0123456789" },
                { "sub/deep", 3, 0, "3456789" },
                { "sub/deep", 3, 4, "3456" },
                { "sub/deep", 100, 4, "" },
        };
        JobWorld *world = *state;

        plant(world);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world->request.arguments.path = (char *) rows[i].path;
                world->request.arguments.offset = rows[i].offset;
                world->request.arguments.length = rows[i].length;
                job_world_run(world, fs_read_run);
                assert_finished(world, 0);
                assert_string_equal(world->streams[OUTPUT_STDOUT], rows[i].content);
        }

        world->request.arguments = (Arguments){ .root = (char *) "home", .path = (char *) "sub/deep" };
        world->capability.max_bytes = 2;
        job_world_run(world, fs_read_run);
        assert_string_equal(world->streams[OUTPUT_STDOUT], "01");
}

static void test_nothing_leads_out(void **state)
{
        static const struct {
                JobFunction run;
                const char *path;
        } rows[] = {
                { fs_list_run, "out" },        { fs_list_run, "../" },
                { fs_list_run, "sub/../.." },  { fs_read_run, "passwd" },
                { fs_read_run, "out/passwd" }, { fs_read_run, "../../etc/passwd" },
                { fs_read_run, "second" },     { fs_read_run, "fifo" },
                { fs_write_run, "out/x" },     { fs_write_run, "../x" },
                { fs_write_run, "sub/.." },    { fs_write_run, "sub/../../x" },
                { fs_write_run, "sub/" },
        };
        JobWorld *world = *state;

        plant(world);
        world->request.arguments.content = (SchemaBlob){ (uint8_t *) "x", 1 };
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                world->request.arguments.path = (char *) rows[i].path;
                job_world_run(world, rows[i].run);
                assert_denied(world);
        }
}

static void test_what_cannot_be_read(void **state)
{
        static const char *const paths[] = { "absent", "sub", "b/x" };
        JobWorld *world = *state;

        plant(world);
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                world->request.arguments.path = (char *) paths[i];
                job_world_run(world, fs_read_run);
                assert_finished(world, 1);
                assert_int_equal(world->sizes[OUTPUT_STDOUT], 0);
                assert_non_null(strstr(world->streams[OUTPUT_STDERR], paths[i]));
        }
}

static void assert_content(const JobWorld *world, const char *name, const char *content)
{
        _cleanup_(freep) char *text = NULL;
        char path[128];

        assert_ok(fd_read_file_at(AT_FDCWD, path_of(world, name, path), 4096, &text, NULL));
        assert_string_equal(text, content);
}

static unsigned count_entries(const JobWorld *world)
{
        DIR *directory = opendir(world->directory);
        unsigned n = 0;

        assert_non_null(directory);
        while (readdir(directory))
                n++;
        (void) closedir(directory);
        return n;
}

static void write_text(JobWorld *world, const char *name, WriteMode mode, const char *text)
{
        world->request.arguments.path = (char *) name;
        world->request.arguments.write_mode = mode;
        world->request.arguments.content = (SchemaBlob){ (uint8_t *) text, strlen(text) };
        job_world_run(world, fs_write_run);
}

static int fail_for_permission(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        return job_fail_file(job, output, -EACCES, ret_outcome);
}

/* The mode of a file does not stop root, as whom this may run. */
static void test_permission(void **state)
{
        JobWorld *world = *state;

        world->request.arguments.path = (char *) "secret";
        job_world_run(world, fail_for_permission);
        assert_finished(world, 1);
        assert_string_equal(world->streams[OUTPUT_STDERR],
                            "home:secret: Permission denied; on the device: devboxctl device grant\n");
}

static void test_write(void **state)
{
        JobWorld *world = *state;

        write_text(world, "note", WRITE_CREATE, "hello");
        assert_finished(world, 0);
        assert_content(world, "note", "hello");
        assert_string_equal(world->streams[OUTPUT_STDOUT],
                            "5 bytes, sha256 "
                            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n");

        write_text(world, "note", WRITE_CREATE, "again");
        assert_finished(world, 1);
        assert_string_equal(world->streams[OUTPUT_STDERR],
                            "home:note: File exists; devboxctl run --replace replaces it\n");
        assert_content(world, "note", "hello");

        write_text(world, "note", WRITE_REPLACE, "other");
        assert_finished(world, 0);
        assert_content(world, "note", "other");
        assert_int_equal(count_entries(world), 3);
}

static void test_compare_and_swap(void **state)
{
        JobWorld *world = *state;

        write_text(world, "note", WRITE_CREATE, "hello");
        sha256(bytes_of_string("hello"), &world->request.arguments.expect_sha256);
        write_text(world, "note", WRITE_REPLACE, "second");
        assert_finished(world, 0);

        write_text(world, "note", WRITE_REPLACE, "third");
        assert_finished(world, 1);
        assert_content(world, "note", "second");
        write_text(world, "absent", WRITE_REPLACE, "third");
        assert_finished(world, 1);
        assert_int_equal(count_entries(world), 3);
}

static void test_write_replaces_a_planted_link(void **state)
{
        JobWorld *world = *state;
        char path[128];
        struct stat st;

        job_world_write(world, "victim", "precious");
        assert_int_equal(symlink("victim", path_of(world, "planted", path)), 0);

        write_text(world, "planted", WRITE_CREATE, "x");
        assert_finished(world, 1);
        write_text(world, "planted", WRITE_REPLACE, "x");
        assert_finished(world, 0);
        assert_content(world, "victim", "precious");
        assert_int_equal(lstat(path_of(world, "planted", path), &st), 0);
        assert_true(S_ISREG(st.st_mode) && (st.st_mode & 07137) == 0);
}

/* 27: another name of a file is replaced as well, and the file keeps what it holds. */
static void test_write_replaces_a_planted_name(void **state)
{
        JobWorld *world = *state;
        char victim[128], planted[128];

        job_world_write(world, "victim", "precious");
        assert_int_equal(link(path_of(world, "victim", victim), path_of(world, "planted", planted)), 0);
        write_text(world, "planted", WRITE_REPLACE, "x");
        assert_finished(world, 0);
        assert_content(world, "victim", "precious");
        assert_content(world, "planted", "x");
}

/* 27: what a writer left that was killed before its rename; other files are not its own. */
static void test_write_removes_leftovers(void **state)
{
        JobWorld *world = *state;

        job_world_write(world, ".devbox-0123456789abcdef0123456789abcdef", "half");
        job_world_write(world, ".devbox-mine", "kept");
        write_text(world, "note", WRITE_CREATE, "hello");
        assert_finished(world, 0);
        assert_content(world, "note", "hello");
        assert_content(world, ".devbox-mine", "kept");
        assert_int_equal(count_entries(world), 4);
}

/* 27: what does not fit leaves the old file as it is, and nothing beside it. */
static void test_write_that_does_not_fit(void **state)
{
        static char content[FS_WRITE_MAX];
        JobWorld *world = *state;
        struct rlimit limit;

        memset(content, 'x', sizeof content - 1);
        job_world_write(world, "note", "old");
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        const struct rlimit small = { .rlim_cur = sizeof content / 2, .rlim_max = limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        write_text(world, "note", WRITE_REPLACE, content);
        write_text(world, "new", WRITE_CREATE, content);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_finished(world, 1);
        assert_content(world, "note", "old");
        assert_int_equal(count_entries(world), 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_list, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_read, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_nothing_leads_out, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_what_cannot_be_read, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_permission, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_write, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_compare_and_swap, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_write_replaces_a_planted_link, job_world_up,
                                                job_world_down),
                cmocka_unit_test_setup_teardown(test_write_replaces_a_planted_name, job_world_up,
                                                job_world_down),
                cmocka_unit_test_setup_teardown(test_write_removes_leftovers, job_world_up, job_world_down),
                cmocka_unit_test_setup_teardown(test_write_that_does_not_fit, job_world_up, job_world_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
