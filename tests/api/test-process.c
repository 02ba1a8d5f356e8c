/* SPDX-License-Identifier: MIT */
#include "api/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

static void test_this_process(void **state)
{
        _cleanup_(fd_closep) int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        ProcessSample before, after;

        assert_ok(process_sample_read(proc_fd, &before));
        assert_true(before.resident_bytes > 0);
        assert_true(before.virtual_bytes >= before.resident_bytes);
        assert_true(before.max_fds >= before.open_fds);

        int fd = dup(proc_fd);
        assert_ok(process_sample_read(proc_fd, &after));
        assert_int_equal(after.open_fds, before.open_fds + 1);
        close(fd);
}

static void put(int dir_fd, const char *path, const char *text)
{
        _cleanup_(fd_closep) int fd = -EBADF;

        if (!text)
                return;
        fd = openat(dir_fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A fake /proc: what is missing or no such file is an error, and the sample stays as it was. */
static void test_bad_worlds(void **state)
{
        static const char good[] = "Limit  Soft  Hard\nMax open files            1024      4096    files\n";
        static const struct {
                const char *statm, *limits; /* NULL: none */
                int error;
        } rows[] = {
                { NULL, good, -ENOENT },
                { "", good, -EBADMSG },
                { "12", good, -EBADMSG },
                { "x y z", good, -EBADMSG },
                { "12 3", NULL, -ENOENT },
                { "12 3", "", -EBADMSG },
                { "12 3", "\nMax open files unlimited\n", -EBADMSG },
                { "12 3", good, -ENOENT }, /* but there is no fd/ */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char path[] = "/tmp/test-process-XXXXXX";
                ProcessSample sample = { .max_fds = 7 };

                assert_non_null(mkdtemp(path));
                int fd = open(path, O_DIRECTORY | O_CLOEXEC);
                assert_ok(mkdirat(fd, "self", 0700));
                put(fd, "self/statm", rows[i].statm);
                put(fd, "self/limits", rows[i].limits);

                print_message("row %zu\n", i);
                assert_err(process_sample_read(fd, &sample), rows[i].error);
                assert_int_equal(sample.max_fds, 7);

                (void) unlinkat(fd, "self/statm", 0);
                (void) unlinkat(fd, "self/limits", 0);
                assert_ok(unlinkat(fd, "self", AT_REMOVEDIR));
                close(fd);
                assert_ok(rmdir(path));
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_this_process),
                cmocka_unit_test(test_bad_worlds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
