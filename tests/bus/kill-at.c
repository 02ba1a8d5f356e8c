/* SPDX-License-Identifier: MIT */
/* Preloaded into a daemon, this kills it before one of its calls that leave a trace: on the disk, in the
 * kernel, at wireguard-go or on the bus. Which one is a number in the file $KILL_AT, counted down by each;
 * 0: none. So a test meets every state that a crash can leave behind, without a hook in the daemon.
 *
 * And it kills it wherever it gives SQLite the text $KILL_AT_TEXT: an input that no process survives. */

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int *left;

__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("KILL_AT");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *shared =
                fd >= 0 ? mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (fd >= 0)
                (void) close(fd);
        if (shared != MAP_FAILED)
                left = shared;
}

static void count(void)
{
        if (left && atomic_load(left) > 0 && atomic_fetch_sub(left, 1) == 1)
                (void) kill(getpid(), SIGKILL);
}

static void compare(const char *text)
{
        const char *deadly = getenv("KILL_AT_TEXT");

        if (deadly && text && strcmp(text, deadly) == 0)
                (void) kill(getpid(), SIGKILL);
}

#define PRELOADED(before, type, name, parameters, arguments)                                                \
        __attribute__((visibility("default"))) type name parameters                                         \
        {                                                                                                   \
                type(*next) parameters = dlsym(RTLD_NEXT, #name);                                           \
                                                                                                            \
                before;                                                                                     \
                return next arguments;                                                                      \
        }                                                                                                   \
        struct _need_semicolon_

#define COUNTED(...) PRELOADED(count(), __VA_ARGS__)

PRELOADED(compare(text), int, sqlite3_bind_text,
          (sqlite3_stmt * statement, int index, const char *text, int size, void (*release)(void *)),
          (statement, index, text, size, release));
COUNTED(int, fsync, (int fd), (fd));
COUNTED(int, fdatasync, (int fd), (fd));
COUNTED(int, ftruncate64, (int fd, off_t size), (fd, size));
COUNTED(int, posix_fallocate64, (int fd, off_t at, off_t size), (fd, at, size));
COUNTED(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size));
COUNTED(ssize_t, pwrite64, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at));
COUNTED(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n));
COUNTED(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags));
COUNTED(ssize_t, sendto,
        (int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length),
        (fd, data, size, flags, to, length));
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags));
COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode));
COUNTED(int, rename, (const char *old, const char *name), (old, name));
COUNTED(int, renameat, (int from, const char *old, int to, const char *name), (from, old, to, name));
COUNTED(int, renameat2, (int from, const char *old, int to, const char *name, unsigned flags),
        (from, old, to, name, flags));
COUNTED(int, link, (const char *old, const char *name), (old, name));
COUNTED(int, linkat, (int from, const char *old, int to, const char *name, int flags),
        (from, old, to, name, flags));
COUNTED(int, unlink, (const char *path), (path));
COUNTED(int, unlinkat, (int at, const char *path, int flags), (at, path, flags));
