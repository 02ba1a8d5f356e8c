/* SPDX-License-Identifier: MIT */
/* fs.write: a whole file, created or replaced in one step.
 *
 * The content is written to a file without a name, synced, and then gets its name: whatever dies, there is
 * the old file or the new one. Creating fails if the name exists; replacing renames over it, so that a
 * planted link is replaced and never followed. With an expected digest, the file must still have it; writers
 * of devbox take turns by a lock of the directory, other programs may write in between. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "codec/binary-text.h"
#include "crypto/secret.h"
#include "worker/beneath.h"
#include "worker/job.h"

#define MODE        0640
#define NAME_PREFIX ".devbox-"
#define NAME_SIZE   (sizeof NAME_PREFIX + 32)

/* Where the content is before it has its name. */
typedef struct NewFile {
        int fd;
        char name[NAME_SIZE]; /* "": it has none */
} NewFile;

/* The name that a file has for the moment of replacing another. */
static void make_name(char ret_name[static NAME_SIZE])
{
        uint64_t random[2] = { 0 };

        (void) getentropy(random, sizeof random);
        (void) snprintf(ret_name, NAME_SIZE, NAME_PREFIX "%016llx%016llx", (unsigned long long) random[0],
                        (unsigned long long) random[1]);
}

/* What a writer left that was killed between giving its file this name and renaming it. The directory is
 * locked: there is no other writer whose it could be. */
static void remove_leftovers(int directory_fd)
{
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!directory) {
                (void) fd_close(fd);
                return;
        }
        while ((entry = readdir(directory)))
                if (startswith(entry->d_name, NAME_PREFIX) && strlen(entry->d_name) == NAME_SIZE - 1)
                        (void) unlinkat(directory_fd, entry->d_name, 0);
        (void) closedir(directory);
}

/* Not all file systems have files without a name: tmpfs, ext4, xfs and btrfs do, FAT does not. */
static int new_file_open(int directory_fd, NewFile *ret_file)
{
        NewFile file = { .fd = openat(directory_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE) };

        if (file.fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
                make_name(file.name);
                file.fd = openat(directory_fd, file.name,
                                 O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, MODE);
        }
        if (file.fd < 0)
                return -errno;

        *ret_file = file;
        return 0;
}

/* Gives a file without a name this one. Source: open(2) about O_TMPFILE. */
static int new_file_link(const NewFile *file, int directory_fd, const char *name)
{
        char path[32];

        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
        return linkat(AT_FDCWD, path, directory_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int new_file_publish(NewFile *file, int directory_fd, const char *name, bool replace)
{
        if (!replace && *file->name == '\0')
                return new_file_link(file, directory_fd, name);

        if (*file->name == '\0') {
                char temporary[NAME_SIZE];

                make_name(temporary);
                int r = new_file_link(file, directory_fd, temporary);
                if (r < 0)
                        return r;
                memcpy(file->name, temporary, sizeof file->name);
        }
        if (renameat2(directory_fd, file->name, directory_fd, name, replace ? 0 : RENAME_NOREPLACE) < 0)
                return -errno;

        *file->name = '\0';
        return 0;
}

static void new_file_done(NewFile *file, int directory_fd)
{
        if (*file->name != '\0')
                (void) unlinkat(directory_fd, file->name, 0);

        file->fd = fd_close(file->fd);
}

/* ---- compare, write, publish */

/* Whether the file under that name has this content. Errors: -ENOENT; -ESTALE it has other content. */
static int compare_content(int directory_fd, const char *name, const Sha256 *expected)
{
        uint8_t piece[16 * 1024];
        Sha256State state;
        Sha256 digest;
        struct stat st;
        ssize_t n = 0;

        _cleanup_(fd_closep) int fd =
                openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ESTALE;

        sha256_init(&state);
        while ((n = read(fd, piece, sizeof piece)) > 0)
                sha256_update(&state, BYTES(piece, (size_t) n));
        if (n < 0)
                return -errno;

        sha256_final(&state, &digest);
        return sha256_equal(&digest, expected) ? 0 : -ESTALE;
}

/* A directory keeps its name. */
static int check_target(int directory_fd, const char *name, const Arguments *arguments)
{
        struct stat st;

        if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
                return -EISDIR;
        if (arguments->write_mode == WRITE_REPLACE && !sha256_is_null(&arguments->expect_sha256))
                return compare_content(directory_fd, name, &arguments->expect_sha256);

        return 0;
}

static int write_file(int directory_fd, const char *name, const Arguments *arguments)
{
        NewFile file = { .fd = -EBADF };

        int r = new_file_open(directory_fd, &file);
        if (r < 0)
                return r;

        r = fd_write_all(file.fd, BYTES(arguments->content.data, arguments->content.size));
        if (r == 0 && fsync(file.fd) < 0)
                r = -errno;
        if (r == 0)
                r = new_file_publish(&file, directory_fd, name, arguments->write_mode == WRITE_REPLACE);
        if (r == 0 && fsync(directory_fd) < 0)
                r = -errno;

        new_file_done(&file, directory_fd);
        return r;
}

static int write_below(int root_fd, const Arguments *arguments)
{
        const char *name = NULL;

        _cleanup_(fd_closep) int parent_fd = beneath_open_parent(root_fd, arguments->path, &name),
                                 fd = -EBADF;
        if (parent_fd < 0)
                return parent_fd;

        fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) < 0)
                return -errno;

        remove_leftovers(fd);
        int r = check_target(fd, name, arguments);
        return r < 0 ? r : write_file(fd, name, arguments);
}

int fs_write_run(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        const Arguments *arguments = &job->request->arguments;
        char text[HEX_SIZE(SHA256_SIZE)];
        Sha256 digest;

        _cleanup_(fd_closep) int root_fd = job_open_root(job);
        int r = root_fd < 0 ? root_fd : write_below(root_fd, arguments);
        if (r < 0)
                return job_fail_file(job, output, r, ret_outcome);

        *ret_outcome = job_exited(0);
        sha256(BYTES(arguments->content.data, arguments->content.size), &digest);
        hex_format(BYTES_OF(digest), text);
        return output_printf(output, OUTPUT_STDOUT, "%zu bytes, sha256 %s\n", arguments->content.size, text);
}
