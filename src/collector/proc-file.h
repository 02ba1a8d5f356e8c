/* SPDX-License-Identifier: MIT */
#pragma once

/* A file of /proc that is read repeatedly through one descriptor. */

#include "basic/fd.h"
#include "basic/macro.h"

typedef struct ProcFile {
        const char *path; /* relative to the directory */
        size_t head;      /* read only that many bytes from the start; 0: the whole file */
        int fd;           /* -EBADF: not open */
} ProcFile;

/* Memory for the text of one file at a time, shared by the files of one reader. */
typedef struct ProcBuffer {
        char *text;
        size_t room;
} ProcBuffer;

/* Reads the file into the buffer, which grows as needed. A failure closes the file, so that the next read
 * opens it again. Errors: those of openat(2) and pread(2); -EFBIG more than 4 MiB; -ENOMEM. */
int proc_file_read(ProcFile *file, int proc_fd, ProcBuffer *buffer);

static inline void proc_file_close(ProcFile *file)
{
        file->fd = fd_close(file->fd);
}
