/* SPDX-License-Identifier: MIT */
/* Files written whole. */

#include "basic/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"

static int write_and_sync(int fd, mode_t mode, Bytes content)
{
        int r = fd_write_all(fd, content);
        if (r < 0)
                return r;

        return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* `name` becomes the part of the path behind the last slash. */
static int open_directory_of(const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        char directory[PATH_MAX] = ".";

        if (slash) {
                size_t length = MAX((size_t) (slash - path), (size_t) 1); /* "/name" is in "/" */

                if (length >= sizeof directory)
                        return -ENAMETOOLONG;
                memcpy(directory, path, length);
                directory[length] = '\0';
        }

        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret_name = slash ? slash + 1 : path;
        return fd;
}

/* Not a device, a pipe or a directory, nor a link to one (/dev/stdout): they would be lost. */
static int check_replaced(int directory, const char *name)
{
        struct stat st;

        if (fstatat(directory, name, &st, 0) < 0)
                return errno == ENOENT ? 0 : -errno;

        return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : -EEXIST;
}

int file_write_at(int directory, const char *name, FileWrite how, mode_t mode, Bytes content)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        char temporary[NAME_MAX + 1];

        if (*name == '\0')
                return -EISDIR;
        int r = how == FILE_REPLACE ? check_replaced(directory, name) : 0;
        if (r < 0)
                return r;
        if (snprintf(temporary, sizeof temporary, ".%s.%d.new", name, (int) getpid()) >=
            (int) sizeof temporary)
                return -ENAMETOOLONG;

        /* Left by a process that was killed and had our pid. */
        (void) unlinkat(directory, temporary, 0);
        fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        r = write_and_sync(fd, mode, content);
        if (r == 0 &&
            renameat2(directory, temporary, directory, name, how == FILE_NEW ? RENAME_NOREPLACE : 0) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(directory, temporary, 0);
                return r;
        }

        return fsync(directory) < 0 ? -errno : 0;
}

int file_write(const char *path, FileWrite how, mode_t mode, Bytes content)
{
        _cleanup_(fd_closep) int directory = -EBADF;
        const char *name;

        directory = open_directory_of(path, &name);
        if (directory < 0)
                return directory;

        return file_write_at(directory, name, how, mode, content);
}

static bool is_same_file(const char *a, const char *b)
{
        struct stat of_a, of_b;

        return lstat(a, &of_a) == 0 && lstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
               of_a.st_ino == of_b.st_ino;
}

int file_rotate(const char *next, const char *current, const char *kept)
{
        _cleanup_(fd_closep) int directory = -EBADF;
        const char *name;

        directory = open_directory_of(next, &name);
        if (directory < 0)
                return directory;
        if (access(next, F_OK) < 0)
                return -errno;

        if (link(current, kept) < 0 && errno != ENOENT && !(errno == EEXIST && is_same_file(current, kept)))
                return -errno;
        if (fsync(directory) < 0 || rename(next, current) < 0)
                return -errno;

        return fsync(directory) < 0 ? -errno : 0;
}
