/* SPDX-License-Identifier: MIT */
#pragma once

/* Files written whole: under a name of their own first, synced, then renamed, and the directory synced. So
 * that after a crash or a loss of power there is the old content, or none, or the new, never a part. */

#include <sys/types.h>

#include "basic/bytes.h"

typedef enum FileWrite {
        FILE_NEW,     /* there must be no such file: nothing is ever overwritten */
        FILE_REPLACE, /* what was there is replaced; a symbolic link is, too */
} FileWrite;

/* Errors: -EEXIST with FILE_NEW, or what is there is no file; -EISDIR; -ENAMETOOLONG; those of open(2),
 * write(2), fsync(2), rename(2). */
int file_write_at(int directory, const char *name, FileWrite how, mode_t mode, Bytes content);
int file_write(const char *path, FileWrite how, mode_t mode, Bytes content);

/* `next` becomes `current`, and what was `current`, if anything, stays under the name `kept`; all three lie
 * in one directory. After a crash, doing it again finishes it. Errors: -EEXIST `kept` is another file than
 * `current`: then nothing is changed; -ENOENT no `next`; those of link(2), rename(2), fsync(2). */
int file_rotate(const char *next, const char *current, const char *kept);
