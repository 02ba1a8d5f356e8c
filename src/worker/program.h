/* SPDX-License-Identifier: MIT */
#pragma once

/* The executable of a request, opened once and judged by its descriptor, so that what is checked is what
 * runs: a regular ELF file of root, in directories of root, that no other user can replace or write. */

#include "crypto/sha256.h"
#include "proto/error.h"

#define PROGRAM_INTERPRETER_MAX 256

typedef struct Program {
        int fd;                                    /* O_RDONLY, O_CLOEXEC */
        char interpreter[PROGRAM_INTERPRETER_MAX]; /* the dynamic loader it names; "": static */
} Program;

#define PROGRAM_NULL ((Program){ .fd = -EBADF })

void program_done(Program *program);

typedef struct ProgramRules {
        int root_fd;          /* of the directory that absolute paths begin in */
        uid_t owner;          /* of the program and its directories */
        const Sha256 *sha256; /* of its content; zeros: any */
} ProgramRules;

/* Opens the program at an absolute path without symbolic links. Errors: DEVBOX_ERROR_BINARY_NOT_ALLOWED,
 * then `ret_why` completes "PROGRAM …"; -ENOMEM. */
int program_open(const ProgramRules *rules, const char *path, Program *ret_program, const char **ret_why);
