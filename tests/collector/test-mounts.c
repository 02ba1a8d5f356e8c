/* SPDX-License-Identifier: MIT */
/* The mount of a path. */

#include "collector/mounts.h"

#include "test.h"

#define LINE(point, type)                                                                                   \
        "36 35 98:0 / " point " rw,noatime master:1 - " type " /dev/root rw,errors=continue\n"

static void test_the_nearest_mount_counts(void **state)
{
        static const char text[] = LINE("/", "ext4") LINE("/mnt", "autofs") LINE("/mnt/far", "nfs4")
                LINE("/mnt/far/near", "xfs") LINE("/home", "fuse.sshfs") LINE("/a\\040b", "cifs")
                        LINE("/back\\134slash", "ceph");
        static const struct {
                const char *path;
                MountKind kind;
        } rows[] = {
                { "/", MOUNT_LOCAL },         { "/var", MOUNT_LOCAL },
                { "/mnt", MOUNT_REMOTE },     { "/mnt/x", MOUNT_REMOTE },
                { "/mnt/far", MOUNT_REMOTE }, { "/mnt/far/near", MOUNT_LOCAL },
                { "/mntx", MOUNT_LOCAL },     { "/home/anna/x", MOUNT_REMOTE },
                { "/homes", MOUNT_LOCAL },    { "/a b", MOUNT_REMOTE },
                { "/a b/c", MOUNT_REMOTE },   { "/back\\slash", MOUNT_REMOTE },
                { "/hom", MOUNT_LOCAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(mounts_find_kind(text, rows[i].path), rows[i].kind);
}

static void test_the_upper_of_two_on_one_mount_point_counts(void **state)
{
        assert_int_equal(mounts_find_kind(LINE("/", "ext4") LINE("/m", "nfs") LINE("/m", "tmpfs"), "/m/x"),
                         MOUNT_LOCAL);
        assert_int_equal(mounts_find_kind(LINE("/", "ext4") LINE("/m", "tmpfs") LINE("/m", "nfs"), "/m/x"),
                         MOUNT_REMOTE);
}

static void test_types(void **state)
{
        static const struct {
                const char *text;
                MountKind kind;
        } rows[] = {
                { LINE("/", "nfs"), MOUNT_REMOTE },      { LINE("/", "nfsd"), MOUNT_LOCAL },
                { LINE("/", "fuse"), MOUNT_REMOTE },     { LINE("/", "fuse.gvfsd-fuse"), MOUNT_REMOTE },
                { LINE("/", "fusectl"), MOUNT_LOCAL },   { LINE("/", "9p"), MOUNT_REMOTE },
                { LINE("/", "virtiofs"), MOUNT_REMOTE }, { LINE("/", "btrfs"), MOUNT_LOCAL },
                { LINE("/", "overlay"), MOUNT_LOCAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(mounts_find_kind(rows[i].text, "/x"), rows[i].kind);
}

static void test_garbage_has_no_mounts(void **state)
{
        static const char *const texts[] = {
                "",
                "\n\n",
                "36 35 98:0 / / rw",
                "36 35 98:0 / / rw - ext4 /dev/root rw", /* truncated */
                "36 35\n - \n",
                "36 35 98:0 /  rw - ext4 x rw\n",
                " - - - - - - \n",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(mounts_find_kind(texts[i], "/x"), MOUNT_UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_nearest_mount_counts),
                cmocka_unit_test(test_the_upper_of_two_on_one_mount_point_counts),
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_garbage_has_no_mounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
