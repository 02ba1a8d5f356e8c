/* SPDX-License-Identifier: MIT */
/* Files written whole. */

#include "basic/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"

#include "test.h"

static char directory[] = "/tmp/devbox-file-XXXXXX";

static int enter(void **state)
{
        return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave(void **state)
{
        (void) unlink("a");
        (void) unlink("link");
        (void) unlink("pipe");
        (void) unlink("to-pipe");
        (void) rmdir("d");
        return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1; /* nothing was left behind */
}

static void assert_content(const char *path, const char *content)
{
        _cleanup_(freep) char *text = NULL;

        assert_ok(fd_read_file_at(AT_FDCWD, path, 4096, &text, NULL));
        assert_string_equal(text, content);
}

static void test_write(void **state)
{
        struct stat st;

        assert_ok(file_write("a", FILE_NEW, 0600, bytes_of_string("one")));
        assert_content("a", "one");
        assert_err(file_write("a", FILE_NEW, 0600, bytes_of_string("two")), -EEXIST);
        assert_content("a", "one");
        assert_ok(file_write("./a", FILE_REPLACE, 0640, bytes_of_string("three")));
        assert_content("a", "three");
        assert_ok(stat("a", &st));
        assert_int_equal(st.st_mode & 0777, 0640);
}

/* What the link points to is not touched. */
static void test_link(void **state)
{
        assert_ok(file_write("a", FILE_REPLACE, 0600, bytes_of_string("kept")));
        assert_ok(symlink("a", "link"));
        assert_err(file_write("link", FILE_NEW, 0600, BYTES_NULL), -EEXIST);
        assert_ok(file_write("link", FILE_REPLACE, 0600, bytes_of_string("new")));
        assert_content("a", "kept");
        assert_content("link", "new");
}

static void test_wrong_places(void **state)
{
        char longer[300];

        memset(longer, 'x', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        assert_err(file_write("nowhere/a", FILE_NEW, 0600, BYTES_NULL), -ENOENT);
        assert_err(file_write("/tmp/", FILE_NEW, 0600, BYTES_NULL), -EISDIR);
        assert_err(file_write(longer, FILE_NEW, 0600, BYTES_NULL), -ENAMETOOLONG);
        assert_ok(mkdir("d", 0700));
        assert_err(file_write("d", FILE_REPLACE, 0600, BYTES_NULL), -EISDIR);

        /* What is no file stays what it is. */
        assert_ok(mkfifo("pipe", 0600));
        assert_ok(symlink("pipe", "to-pipe"));
        assert_err(file_write("pipe", FILE_REPLACE, 0600, BYTES_NULL), -EEXIST);
        assert_err(file_write("to-pipe", FILE_REPLACE, 0600, BYTES_NULL), -EEXIST);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write),
                cmocka_unit_test(test_link),
                cmocka_unit_test(test_wrong_places),
        };

        return cmocka_run_group_tests(tests, enter, leave);
}
