/* SPDX-License-Identifier: MIT */
#pragma once

/* A disk whose power a test cuts: an ext4 file system in a file, on a loop device. Needs root, a mount
 * namespace of the test's own, mkfs.ext4 and mount(8): test_disk_is_possible(). */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/macro.h"

#include "test.h"

/* Source: fs/ext4/ext4.h of the kernel. Drops what is in memory, also the journal's open transaction; from
 * then on nothing reaches the disk, and all that asks for it fails. */
#define EXT4_IOC_SHUTDOWN           _IOR('X', 125, uint32_t)
#define EXT4_GOING_FLAGS_NOLOGFLUSH 2

typedef struct TestDisk {
        char image[160], directory[160];
} TestDisk;

#define test_run_program(...) test_run_program_words((const char *const[]){ __VA_ARGS__, NULL })

static inline bool test_run_program_words(const char *const *words)
{
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                (void) execvp(words[0], (char *const *) words);
                _exit(127);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline bool test_disk_is_possible(void)
{
        return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               access("/dev/loop-control", R_OK | W_OK) == 0;
}

static inline void test_disk_mount(const TestDisk *disk)
{
        assert_true(test_run_program("mount", "-o", "loop", disk->image, disk->directory));
}

/* Over the directory, with what it holds. */
static inline void test_disk_new(TestDisk *disk, const char *image, const char *directory)
{
        char old[176];

        (void) snprintf(disk->image, sizeof disk->image, "%s", image);
        (void) snprintf(disk->directory, sizeof disk->directory, "%s", directory);
        (void) snprintf(old, sizeof old, "%s.old", directory);
        int fd = assert_ok(open(image, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(ftruncate(fd, 64 * 1024 * 1024), 0);
        assert_int_equal(close(fd), 0);
        assert_true(test_run_program("mkfs.ext4", "-q", "-F", image));
        assert_int_equal(rename(directory, old), 0);
        assert_true(test_run_program("mkdir", directory));
        test_disk_mount(disk);
        assert_true(test_run_program("cp", "-a", "-T", old, directory));
        assert_true(test_run_program("rm", "-r", old));
        assert_true(test_run_program("sync", "-f", directory));
}

static inline void test_disk_free(TestDisk *disk)
{
        assert_int_equal(umount2(disk->directory, MNT_DETACH), 0);
        assert_int_equal(unlink(disk->image), 0);
}

static inline void test_disk_cut(const TestDisk *disk)
{
        const uint32_t flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
        int fd = assert_ok(open(disk->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

        assert_int_equal(ioctl(fd, EXT4_IOC_SHUTDOWN, &flags), 0);
        assert_int_equal(close(fd), 0);
}

/* As after a boot: replays the journal. Whoever had files open there must have ended. */
static inline void test_disk_mount_again(const TestDisk *disk)
{
        assert_int_equal(umount(disk->directory), 0);
        test_disk_mount(disk);
}
