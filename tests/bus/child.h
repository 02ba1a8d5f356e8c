/* SPDX-License-Identifier: MIT */
#pragma once

/* The environment of a child process, made before fork(2). A test may have threads, and one of them may hold
 * a lock of malloc at that moment: the child would wait for it for ever. So it calls nothing but what
 * signal-safety(7) allows. */

#define CHILD_VARIABLES_MAX 512

typedef struct ChildEnvironment {
        char *variables[CHILD_VARIABLES_MAX]; /* NULL-terminated, for execve(2); borrowed */
} ChildEnvironment;

/* That of this process. */
void child_environment_init(ChildEnvironment *environment);

/* "NAME=value" sets a variable, "NAME" removes it. */
void child_environment_set(ChildEnvironment *environment, const char *change);
