/* SPDX-License-Identifier: MIT */
/* File descriptors: closed exactly once, read with a bound. */

#include "basic/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

/* A file in memory with `size` bytes 'x', and its path. */
static int file_new(size_t size, char ret_path[static 64])
{
        int fd = memfd_create("test", MFD_CLOEXEC);
        assert_true(fd >= 0);

        for (size_t i = 0; i < size; i++)
                assert_int_equal(write(fd, "x", 1), 1);
        (void) snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
        return fd;
}

static void test_close_is_done_once_and_keeps_errno(void **state)
{
        char path[64];
        int fd = file_new(0, path), old = fd;

        errno = EXDEV;
        fd = fd_close(fd);
        assert_int_equal(fd, -EBADF);
        assert_int_equal(errno, EXDEV);
        assert_int_equal(fcntl(old, F_GETFD), -1);

        assert_int_equal(fd_close(fd), -EBADF);
}

static void test_cleanup_closes(void **state)
{
        char path[64];
        int old;

        {
                _cleanup_(fd_closep) int fd = file_new(0, path);
                old = fd;
        }
        assert_int_equal(fcntl(old, F_GETFD), -1);
}

/* Files around the limit and around the step in which the buffer grows. */
static void test_read_file_has_a_bound(void **state)
{
        static const struct {
                size_t size, max;
                int expected;
        } rows[] = {
                { 0, 0, 0 },        { 1, 0, -EFBIG },       { 9, 10, 0 },        { 10, 10, 0 },
                { 11, 10, -EFBIG }, { 4095, 100000, 0 },    { 4096, 100000, 0 }, { 4097, 100000, 0 },
                { 4096, 4096, 0 },  { 4097, 4096, -EFBIG }, { 20000, 20000, 0 }, { 20001, 20000, -EFBIG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = NULL;
                size_t size = 77;
                char path[64];
                _cleanup_(fd_closep) _unused_ int fd = file_new(rows[i].size, path);

                assert_err(fd_read_file_at(AT_FDCWD, path, rows[i].max, &text, &size), rows[i].expected);
                if (rows[i].expected == 0) {
                        assert_int_equal(size, rows[i].size);
                        assert_int_equal(strlen(text), rows[i].size);
                } else {
                        assert_null(text);
                        assert_int_equal(size, 77);
                }
        }
}

static void test_read_file_relative_to_a_directory(void **state)
{
        _cleanup_(fd_closep) int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;

        assert_true(proc >= 0);
        assert_ok(fd_read_file_at(proc, "status", 65536, &text, NULL)); /* st_size is 0 there */
        assert_true(startswith(text, "Name:"));
}

static void test_read_file_that_is_none(void **state)
{
        char *text = NULL;

        assert_err(fd_read_file_at(AT_FDCWD, "/nonexistent", 10, &text, NULL), -ENOENT);
        assert_err(fd_read_file_at(AT_FDCWD, "/proc", 10, &text, NULL), -EISDIR);
        assert_err(fd_read_file_at(AT_FDCWD, "/dev/null", 10, &text, NULL), -EBADFD);
        assert_err(fd_read_file_at(-EBADF, "status", 10, &text, NULL), -EBADF);
        assert_null(text);
}

/* Without a writer a FIFO blocks open(2); the alarm ends the test then. */
static void test_a_fifo_is_no_file(void **state)
{
        char path[] = "/tmp/devbox-fifo-XXXXXX", *text = NULL;

        assert_int_equal(fd_close(mkstemp(path)), -EBADF);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        (void) alarm(30);
        assert_err(fd_read_file_at(AT_FDCWD, path, 10, &text, NULL), -EBADFD);
        assert_err(fd_open_regular_at(AT_FDCWD, path, O_NOFOLLOW), -EBADFD);
        (void) alarm(0);
        assert_int_equal(unlink(path), 0);
        assert_null(text);
}

static void test_pread_text_has_a_bound(void **state)
{
        static const struct {
                size_t size, room;
                ssize_t expected;
        } rows[] = {
                { 0, 1, 0 }, { 1, 1, -EFBIG }, { 9, 10, 9 }, { 10, 10, -EFBIG }, { 20, 10, -EFBIG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *buffer = malloc(rows[i].room);
                char path[64];
                _cleanup_(fd_closep) int fd = file_new(rows[i].size, path);

                assert_non_null(buffer);
                assert_int_equal(fd_pread_text(fd, buffer, rows[i].room), rows[i].expected);
                if (rows[i].expected >= 0)
                        assert_int_equal(strlen(buffer), rows[i].expected);
        }
}

static void test_pread_text_reads_a_kept_file_anew(void **state)
{
        char path[64], buffer[16];
        _cleanup_(fd_closep) int fd = file_new(2, path);

        assert_int_equal(fd_pread_text(fd, buffer, sizeof buffer), 2);
        assert_int_equal(pwrite(fd, "abcd", 4, 0), 4); /* it grew */
        assert_int_equal(fd_pread_text(fd, buffer, sizeof buffer), 4);
        assert_string_equal(buffer, "abcd");
        assert_int_equal(ftruncate(fd, 1), 0);
        assert_int_equal(fd_pread_text(fd, buffer, sizeof buffer), 1);
        assert_string_equal(buffer, "a");
}

static void test_pread_text_of_proc_and_of_nothing(void **state)
{
        _cleanup_(fd_closep) int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        char buffer[4096];

        assert_true(fd >= 0);
        for (int i = 0; i < 3; i++)
                assert_true(fd_pread_text(fd, buffer, sizeof buffer) > 0);
        assert_int_equal(fd_pread_text(-EBADF, buffer, sizeof buffer), -EBADF);
}

static void test_connect_unix(void **state)
{
        char path[] = "/tmp/devbox-fd.XXXXXX", long_path[200] = "/";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(fd_closep) int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_non_null(mkdtemp(path));
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s/x", path);
        assert_err(fd_connect_unix(fd, address.sun_path), -ENOENT);
        assert_int_equal(bind(listening, (struct sockaddr *) &address, sizeof address), 0);
        assert_err(fd_connect_unix(fd, address.sun_path), -ECONNREFUSED);
        assert_int_equal(listen(listening, 1), 0);
        assert_ok(fd_connect_unix(fd, address.sun_path));

        memset(long_path, '/', sizeof long_path - 1);
        assert_err(fd_connect_unix(fd, long_path), -ENAMETOOLONG);
        assert_int_equal(unlink(address.sun_path), 0);
        assert_int_equal(rmdir(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_close_is_done_once_and_keeps_errno),
                cmocka_unit_test(test_cleanup_closes),
                cmocka_unit_test(test_read_file_has_a_bound),
                cmocka_unit_test(test_read_file_relative_to_a_directory),
                cmocka_unit_test(test_read_file_that_is_none),
                cmocka_unit_test(test_a_fifo_is_no_file),
                cmocka_unit_test(test_pread_text_has_a_bound),
                cmocka_unit_test(test_pread_text_reads_a_kept_file_anew),
                cmocka_unit_test(test_pread_text_of_proc_and_of_nothing),
                cmocka_unit_test(test_connect_unix),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
