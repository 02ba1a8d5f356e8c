/* SPDX-License-Identifier: MIT */
#pragma once

/* A FUSE file system with one directory, "deep", whose server can be made to stop answering: it then still
 * takes requests, so that who waits for the reply cannot be killed. In a mount namespace of the test. */

#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

/* The only one of this program, as its thread may outlive the test that mounted it. */
static struct FuseServer {
        char path[256]; /* "": not mounted */
        int fd;
        pthread_t thread;
        atomic_bool dead; /* no request is answered any more */
        atomic_uint n_unanswered;
} fuse_server;

/* A mount namespace of the test's own, and FUSE in it. Says loudly why not. */
static inline bool fuse_server_possible(void)
{
        int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        if (fd < 0 || close(fd) < 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                print_message("SKIPPED: no /dev/fuse, or no mount namespace of one's own: %s\n",
                              strerror(errno));
                return false;
        }
        return true;
}

static inline void fuse_server_answer(const struct fuse_in_header *request)
{
        const struct fuse_attr directory = { .ino = request->nodeid, .mode = S_IFDIR | 0755, .nlink = 2 };
        struct {
                struct fuse_out_header head;
                union {
                        struct fuse_init_out init;
                        struct fuse_entry_out entry;
                        struct fuse_attr_out attr;
                        struct fuse_statfs_out statfs;
                } body;
        } reply = { .head.unique = request->unique };
        size_t size = 0;

        if (request->opcode == FUSE_INIT) {
                size = sizeof reply.body.init;
                reply.body.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 4096 };
        } else if (request->opcode == FUSE_LOOKUP) {
                size = sizeof reply.body.entry;
                reply.body.entry = (struct fuse_entry_out){ .nodeid = 2, .attr = directory };
                reply.body.entry.attr.ino = 2;
        } else if (request->opcode == FUSE_GETATTR) {
                size = sizeof reply.body.attr;
                reply.body.attr = (struct fuse_attr_out){ .attr = directory };
        } else if (request->opcode == FUSE_STATFS) {
                size = sizeof reply.body.statfs;
                reply.body.statfs.st = (struct fuse_kstatfs){ .blocks = 9, .bsize = 512, .frsize = 512 };
        } else
                reply.head.error = -ENOSYS;

        reply.head.len = (uint32_t) (sizeof reply.head + size);
        if (request->opcode != FUSE_FORGET && request->opcode != FUSE_INTERRUPT) /* which have no reply */
                (void) !write(fuse_server.fd, &reply, reply.head.len);
}

static inline void *fuse_server_run(void *userdata)
{
        static char buffer[FUSE_MIN_READ_BUFFER * 2];

        while (read(fuse_server.fd, buffer, sizeof buffer) > 0) {
                const struct fuse_in_header *request = (const struct fuse_in_header *) (void *) buffer;

                if (!atomic_load(&fuse_server.dead) || request->opcode == FUSE_INIT)
                        fuse_server_answer(request);
                else if (request->opcode != FUSE_INTERRUPT) /* of a request that is counted already */
                        atomic_fetch_add(&fuse_server.n_unanswered, 1);
        }

        return NULL; /* unmounted, or aborted */
}

static inline void fuse_server_mount(const char *path)
{
        char options[96];

        fuse_server.fd = assert_ok(open("/dev/fuse", O_RDWR | O_CLOEXEC));
        atomic_store(&fuse_server.dead, false);
        atomic_store(&fuse_server.n_unanswered, 0);
        (void) snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
                        fuse_server.fd);
        assert_ok(mount("devbox-test", path, "fuse.devbox-test", MS_NOSUID | MS_NODEV, options));
        (void) snprintf(fuse_server.path, sizeof fuse_server.path, "%s", path);
        assert_int_equal(pthread_create(&fuse_server.thread, NULL, fuse_server_run, NULL), 0);
}

/* Ends the connection, if any: whoever waits for the server gets an error, and its thread ends. Each
 * teardown calls it before it touches the mount: after a failed test it would wait there for good. */
static inline void fuse_server_abort(void)
{
        if (streq(fuse_server.path, ""))
                return;

        assert_ok(umount2(fuse_server.path, MNT_FORCE | MNT_DETACH));
        assert_int_equal(pthread_join(fuse_server.thread, NULL), 0);
        (void) close(fuse_server.fd);
        fuse_server.path[0] = '\0';
}
