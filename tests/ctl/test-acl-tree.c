/* SPDX-License-Identifier: MIT */
/* Access of a group to a tree. */

#include "ctl/device/acl-tree.h"

#include <acl/libacl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define GROUP 12345

typedef struct Tree {
        char path[64], directory[80], file[96], link[96], outside[80];
} Tree;

static void make_file(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
}

static int tree_up(void **state)
{
        Tree *tree = calloc(1, sizeof *tree);

        assert_non_null(tree);
        (void) snprintf(tree->path, sizeof tree->path, "/tmp/devbox-acl.XXXXXX");
        assert_non_null(mkdtemp(tree->path));
        (void) snprintf(tree->directory, sizeof tree->directory, "%s/home", tree->path);
        (void) snprintf(tree->file, sizeof tree->file, "%s/notes", tree->directory);
        (void) snprintf(tree->link, sizeof tree->link, "%s/link", tree->directory);
        (void) snprintf(tree->outside, sizeof tree->outside, "%s/secret", tree->path);
        assert_int_equal(mkdir(tree->directory, 0700), 0);
        make_file(tree->file);
        make_file(tree->outside);
        assert_int_equal(symlink(tree->outside, tree->link), 0);
        *state = tree;
        return 0;
}

static int tree_down(void **state)
{
        Tree *tree = *state;
        char made[96];

        (void) snprintf(made, sizeof made, "%s/made", tree->directory);
        (void) unlink(made);
        (void) unlink(tree->file);
        (void) unlink(tree->link);
        (void) unlink(tree->outside);
        (void) rmdir(tree->directory);
        (void) rmdir(tree->path);
        free(tree);
        return 0;
}

/* As getfacl(1) has it. The caller frees it with acl_free(). */
static char *list_of(const char *path, acl_type_t type)
{
        acl_t list = acl_get_file(path, type);

        assert_non_null(list);
        char *text = acl_to_any_text(list, "", ',', TEXT_NUMERIC_IDS);
        assert_non_null(text);
        (void) acl_free(list);
        return text;
}

static void assert_list(const char *path, acl_type_t type, const char *wanted)
{
        char *text = list_of(path, type);

        assert_string_equal(text, wanted);
        (void) acl_free(text);
}

static void test_read(void **state)
{
        AclTree grant = { .group = GROUP };
        Tree *tree = *state;
        char made[96];

        assert_ok(acl_tree_apply(tree->directory, &grant));
        assert_int_equal(grant.n_changed, 2);
        assert_list(tree->directory, ACL_TYPE_ACCESS,
                    "user::rwx,group::---,group:12345:r-x,mask::r-x,other::---");
        assert_list(tree->directory, ACL_TYPE_DEFAULT,
                    "user::rwx,group::---,group:12345:r-x,mask::r-x,other::---");
        assert_list(tree->file, ACL_TYPE_ACCESS,
                    "user::rw-,group::---,group:12345:r--,mask::r--,other::---");
        assert_list(tree->outside, ACL_TYPE_ACCESS, "user::rw-,group::---,other::---");

        (void) snprintf(made, sizeof made, "%s/made", tree->directory);
        make_file(made);
        char *later = list_of(made, ACL_TYPE_ACCESS);
        assert_non_null(strstr(later, "group:12345:r-x"));
        (void) acl_free(later);
}

static void test_write_and_again(void **state)
{
        Tree *tree = *state;

        for (int i = 0; i < 2; i++) {
                AclTree grant = { .group = GROUP, .write = true };

                assert_ok(acl_tree_apply(tree->directory, &grant));
                assert_list(tree->file, ACL_TYPE_ACCESS,
                            "user::rw-,group::---,group:12345:rw-,mask::rw-,other::---");
        }
}

static void test_revoke(void **state)
{
        AclTree grant = { .group = GROUP }, revoke = { .group = GROUP, .revoke = true };
        Tree *tree = *state;

        assert_ok(acl_tree_apply(tree->directory, &grant));
        assert_ok(acl_tree_apply(tree->directory, &revoke));
        char *access = list_of(tree->directory, ACL_TYPE_ACCESS),
             *later = list_of(tree->directory, ACL_TYPE_DEFAULT);
        assert_null(strstr(access, "12345"));
        assert_null(strstr(later, "12345"));
        (void) acl_free(access);
        (void) acl_free(later);
}

static void test_is_open(void **state)
{
        AclTree read = { .group = GROUP }, write = { .group = GROUP, .write = true };
        Tree *tree = *state;

        assert_err(acl_tree_is_open(tree->directory, &read), 0);
        assert_ok(acl_tree_apply(tree->directory, &read));
        assert_err(acl_tree_is_open(tree->directory, &read), 1);
        assert_err(acl_tree_is_open(tree->directory, &write), 0);
        assert_err(acl_tree_is_open("/", &read), 1);
        assert_err(acl_tree_is_open("/nonexistent", &read), -ENOENT);
}

static void test_the_way(void **state)
{
        AclTree grant = { .group = GROUP };
        Tree *tree = *state;

        assert_ok(acl_tree_open_way(tree->directory, &grant));
        assert_int_equal(grant.n_changed, 1);
        assert_list(tree->path, ACL_TYPE_ACCESS,
                    "user::rwx,group::---,group:12345:--x,mask::--x,other::---");
}

static void test_rejected(void **state)
{
        AclTree grant = { .group = GROUP };
        Tree *tree = *state;

        assert_err(acl_tree_apply(tree->file, &grant), -ENOTDIR);
        assert_err(acl_tree_apply("/nonexistent", &grant), -ENOENT);
        assert_true(acl_tree_apply(tree->link, &grant) < 0);
        assert_int_equal(grant.n_changed, 0);
}

#define tree_test(function) cmocka_unit_test_setup_teardown(function, tree_up, tree_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                tree_test(test_read),    tree_test(test_write_and_again), tree_test(test_revoke),
                tree_test(test_is_open), tree_test(test_the_way),         tree_test(test_rejected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
