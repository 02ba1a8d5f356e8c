/* SPDX-License-Identifier: MIT */
#pragma once

/* A fake /proc in a temporary directory. Files are rewritten in place, so that a kept descriptor sees it. */

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

typedef struct ProcTree {
        char path[64];
        int fd; /* of the directory; the reader under test takes a duplicate */
} ProcTree;

#define PROC_STAT                                                                                           \
        "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 100 0 100 800 0 0 0 0 0 0\nintr 5 4\nbtime 1795290736\n"
#define PROC_MEMINFO  "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n"
#define PROC_LOADAVG  "0.50 0.25 0.10 1/149 20776\n"
#define PROC_NETDEV   "Inter-| x\n face | x\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
#define PROC_PRESSURE "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.00 total=8\n"
#define PROC_MOUNTS   "36 35 98:0 / / rw - ext4 /dev/root rw\n"

static inline void proc_tree_write(const ProcTree *tree, const char *file, const char *text)
{
        int fd = openat(tree->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void) close(fd);
}

static inline void proc_tree_remove(const ProcTree *tree, const char *file)
{
        assert_int_equal(unlinkat(tree->fd, file, 0), 0);
}

static inline void proc_tree_fill(const ProcTree *tree)
{
        assert_int_equal(mkdirat(tree->fd, "net", 0700), 0);
        assert_int_equal(mkdirat(tree->fd, "pressure", 0700), 0);
        assert_int_equal(mkdirat(tree->fd, "self", 0700), 0);
        proc_tree_write(tree, "stat", PROC_STAT);
        proc_tree_write(tree, "meminfo", PROC_MEMINFO);
        proc_tree_write(tree, "loadavg", PROC_LOADAVG);
        proc_tree_write(tree, "net/dev", PROC_NETDEV);
        proc_tree_write(tree, "pressure/cpu", PROC_PRESSURE);
        proc_tree_write(tree, "pressure/memory", PROC_PRESSURE);
        proc_tree_write(tree, "pressure/io", PROC_PRESSURE);
        proc_tree_write(tree, "self/mountinfo", PROC_MOUNTS);
}

/* cmocka fixtures: `*state` is a ProcTree. */
static inline int proc_tree_up(void **state)
{
        ProcTree *tree = malloc(sizeof *tree);

        assert_non_null(tree);
        *tree = (ProcTree){ .path = "/tmp/devbox-proc.XXXXXX" };
        assert_non_null(mkdtemp(tree->path));
        tree->fd = open(tree->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(tree->fd >= 0);
        proc_tree_fill(tree);
        *state = tree;
        return 0;
}

static inline int proc_tree_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static inline int proc_tree_down(void **state)
{
        ProcTree *tree = *state;

        (void) close(tree->fd);
        assert_int_equal(nftw(tree->path, proc_tree_remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(tree);
        return 0;
}
