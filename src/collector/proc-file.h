/* SPDX-License-Identifier: MIT */
#pragma once

/* A file of /proc that is read again and again: opened once, its descriptor kept. */

#include "basic/fd.h"
#include "basic/macro.h"

typedef struct ProcFile {
        const char *path; /* relative to the directory */
        size_t head;      /* read only the first bytes, where the rest is long and not wanted; 0: read all */
        int fd;           /* -EBADF: not open */
} ProcFile;

/* Memory for one text at a time, shared by the files of one reader. */
typedef struct ProcBuffer {
        char *text;
        size_t room;
} ProcBuffer;

/* Reads the file into the buffer, which grows for it. A failure closes the file, so that the next read opens
 * it anew. Errors: those of openat(2) and pread(2); -EFBIG more than 4 MiB; -ENOMEM. */
int proc_file_read(ProcFile *file, int proc_fd, ProcBuffer *buffer);

static inline void proc_file_close(ProcFile *file)
{
        file->fd = fd_close(file->fd);
}
