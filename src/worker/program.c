/* SPDX-License-Identifier: MIT */
/* Opens and checks an executable. Source of the ELF layout: elf(5). */

#include "worker/program.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"

#if __SIZEOF_POINTER__ == 8
typedef Elf64_Ehdr ElfHeader;
typedef Elf64_Phdr ElfSegment;
#define ELF_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr ElfHeader;
typedef Elf32_Phdr ElfSegment;
#define ELF_CLASS ELFCLASS32
#endif

#define SEGMENTS_MAX 64
#define DIGEST_PIECE (32 * 1024)

void program_done(Program *program)
{
        program->fd = fd_close(program->fd);
}

static const char *check_owner(const struct stat *st, uid_t owner)
{
        if (st->st_uid != owner)
                return "is not owned by root, or lies in a directory that is not";
        if (st->st_mode & (S_IWGRP | S_IWOTH))
                return "can be replaced by other users than root";

        return NULL;
}

/* Errors: -EACCES, then `ret_why` is set. */
static int open_component(int directory_fd, const char *name, int flags, uid_t owner, const char **ret_why)
{
        struct stat st;

        _cleanup_(fd_closep) int fd = openat(directory_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0) {
                *ret_why = errno == ELOOP || errno == ENOTDIR ? "is reached through a symbolic link"
                                                              : "does not exist, or cannot be opened";
                return -EACCES;
        }

        *ret_why = check_owner(&st, owner);
        return *ret_why ? -EACCES : TAKE_FD(fd);
}

/* Walks from the root, one component after the other, following no link. Errors: as above; -ENOMEM. */
static int open_path(int root_fd, const char *path, uid_t owner, const char **ret_why)
{
        _cleanup_(freep) char *copy = strdup(path);
        char *rest = NULL;

        if (!copy)
                return -ENOMEM;

        int fd = open_component(root_fd, ".", O_PATH | O_DIRECTORY, owner, ret_why);
        for (char *name = strtok_r(copy, "/", &rest), *next; fd >= 0 && name; name = next) {
                next = strtok_r(NULL, "/", &rest);

                int flags = next ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
                int below = open_component(fd, name, flags, owner, ret_why);
                (void) fd_close(fd);
                fd = below;
        }

        return fd;
}

/* The text of PT_INTERP, if there is one. */
static const char *read_interpreter(const Program *program, const ElfHeader *header, char *ret_interpreter)
{
        ElfSegment segments[SEGMENTS_MAX];
        size_t size = header->e_phnum * sizeof segments[0];

        if (header->e_phnum > SEGMENTS_MAX ||
            pread(program->fd, segments, size, (off_t) header->e_phoff) != (ssize_t) size)
                return "is a damaged ELF file";

        for (size_t i = 0; i < header->e_phnum; i++) {
                if (segments[i].p_type != PT_INTERP)
                        continue;
                if (segments[i].p_filesz < 2 || segments[i].p_filesz > PROGRAM_INTERPRETER_MAX ||
                    pread(program->fd, ret_interpreter, segments[i].p_filesz,
                          (off_t) segments[i].p_offset) != (ssize_t) segments[i].p_filesz ||
                    ret_interpreter[segments[i].p_filesz - 1] != '\0')
                        return "is a damaged ELF file";
        }

        return NULL;
}

/* A script would be run by an interpreter that the manifest does not name. */
static const char *check_elf(Program *program)
{
        ElfHeader header = { 0 };
        struct stat st;

        if (fstat(program->fd, &st) < 0 || !S_ISREG(st.st_mode))
                return "is not a regular file";
        if (st.st_mode & (S_ISUID | S_ISGID))
                return "is set-user-id or set-group-id";
        if (pread(program->fd, &header, sizeof header, 0) != sizeof header ||
            memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELF_CLASS)
                return "is a script or not for this machine, but only ELF programs run";

        return read_interpreter(program, &header, program->interpreter);
}

static bool has_digest(int fd, const Sha256 *expected)
{
        uint8_t piece[DIGEST_PIECE];
        Sha256State state;
        Sha256 digest;
        off_t at = 0;
        ssize_t n = 0;

        sha256_init(&state);
        for (; (n = pread(fd, piece, sizeof piece, at)) > 0; at += n)
                sha256_update(&state, BYTES(piece, (size_t) n));
        sha256_final(&state, &digest);

        return n == 0 && sha256_equal(&digest, expected);
}

int program_open(const ProgramRules *rules, const char *path, Program *ret_program, const char **ret_why)
{
        _cleanup_(program_done) Program program = PROGRAM_NULL;

        *ret_why = NULL;
        program.fd = open_path(rules->root_fd, path, rules->owner, ret_why);
        if (program.fd < 0)
                return *ret_why ? DEVBOX_ERROR_BINARY_NOT_ALLOWED : program.fd;

        *ret_why = check_elf(&program);
        if (!*ret_why && !sha256_is_null(rules->sha256) && !has_digest(program.fd, rules->sha256))
                *ret_why = "has another digest than the manifest names";
        if (*ret_why)
                return DEVBOX_ERROR_BINARY_NOT_ALLOWED;

        *ret_program = program;
        program = PROGRAM_NULL;
        return 0;
}
