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

/* Another process with our pid may have been killed while it was writing. */
static void test_left_over(void **state)
{
        char temporary[64];

        (void) snprintf(temporary, sizeof temporary, ".a.%d.new", (int) getpid());
        assert_ok(file_write(temporary, FILE_REPLACE, 0600, bytes_of_string("half of i")));
        assert_ok(file_write("a", FILE_REPLACE, 0600, bytes_of_string("it")));
        assert_content("a", "it");
        assert_err(access(temporary, F_OK), -1);
}

static void test_succeed(void **state)
{
        assert_ok(file_write("a", FILE_REPLACE, 0600, bytes_of_string("first")));
        assert_err(file_rotate("next", "a", "kept"), -ENOENT);
        assert_ok(file_write("next", FILE_NEW, 0600, bytes_of_string("second")));
        assert_ok(link("a", "kept")); /* as after a crash between the two */
        assert_ok(file_rotate("next", "a", "kept"));
        assert_content("a", "second");
        assert_content("kept", "first");
        assert_err(access("next", F_OK), -1);

        assert_ok(file_write("next", FILE_NEW, 0600, bytes_of_string("third")));
        assert_err(file_rotate("next", "a", "kept"), -EEXIST);
        assert_content("a", "second");
        assert_content("kept", "first");

        /* There need not be one before. */
        assert_ok(unlink("a"));
        assert_ok(unlink("kept"));
        assert_ok(file_rotate("next", "a", "kept"));
        assert_content("a", "third");
        assert_err(access("kept", F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write),        cmocka_unit_test(test_link),
                cmocka_unit_test(test_wrong_places), cmocka_unit_test(test_left_over),
                cmocka_unit_test(test_succeed),
        };

        return cmocka_run_group_tests(tests, enter, leave);
}
