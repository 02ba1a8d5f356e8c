/* SPDX-License-Identifier: MIT */
/* Opening files below a root. */

#include "worker/beneath.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RETRIES 16 /* a rename during the resolution makes the kernel ask for another */

static int resolve(int directory_fd, const char *path, int flags, uint64_t how)
{
        const struct open_how open_how = { .flags = (uint64_t) (flags | O_CLOEXEC),
                                           .resolve = how | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
        long fd = -1;

        for (unsigned i = 0; i < RETRIES; i++) {
                fd = syscall(SYS_openat2, directory_fd, path, &open_how, sizeof open_how);
                if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                        break;
        }
        if (fd >= 0)
                return (int) fd;

        return errno == ELOOP || errno == EXDEV || errno == EAGAIN ? -ELOOP : -errno;
}

int beneath_open_root(const char *path)
{
        return resolve(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
}

int beneath_open(int root_fd, const char *path, int flags)
{
        return resolve(root_fd, path && *path ? path : ".", flags, RESOLVE_BENEATH);
}

int beneath_open_parent(int root_fd, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        _cleanup_(freep) char *parent = slash ? strndup(path, (size_t) (slash - path)) : NULL;

        if (slash && !parent)
                return -ENOMEM;
        if (*name == '\0' || streq(name, ".") || streq(name, ".."))
                return -ELOOP;

        int fd = beneath_open(root_fd, parent, O_PATH | O_DIRECTORY);
        if (fd >= 0)
                *ret_name = name;

        return fd;
}
