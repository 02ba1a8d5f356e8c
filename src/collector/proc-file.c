/* SPDX-License-Identifier: MIT */
/* A file of /proc that is read repeatedly. */

#include "collector/proc-file.h"

#include <fcntl.h>
#include <unistd.h>

#define ROOM_MIN ((size_t) 4096)
#define ROOM_MAX ((size_t) 4 * 1024 * 1024) /* thirty thousand network devices */

static int buffer_grow(ProcBuffer *buffer, size_t room)
{
        if (buffer->room >= room)
                return 0;

        char *grown = realloc(buffer->text, room);
        if (!grown)
                return -ENOMEM;

        buffer->text = grown;
        buffer->room = room;
        return 0;
}

static int read_head(int fd, size_t head, ProcBuffer *buffer)
{
        assert(head < buffer->room);

        ssize_t n = pread(fd, buffer->text, head, 0);
        if (n < 0)
                return -errno;

        buffer->text[n] = '\0';
        return 0;
}

static int read_all(int fd, ProcBuffer *buffer)
{
        for (;;) {
                ssize_t n = fd_pread_text(fd, buffer->text, buffer->room);
                if (n != -EFBIG)
                        return n < 0 ? (int) n : 0;
                if (buffer->room >= ROOM_MAX)
                        return -EFBIG;

                int r = buffer_grow(buffer, buffer->room * 2);
                if (r < 0)
                        return r;
        }
}

int proc_file_read(ProcFile *file, int proc_fd, ProcBuffer *buffer)
{
        int r = buffer_grow(buffer, ROOM_MIN);
        if (r < 0)
                return r;

        if (file->fd < 0) {
                file->fd = openat(proc_fd, file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (file->fd < 0) {
                        r = -errno;
                        file->fd = -EBADF;
                        return r;
                }
        }

        r = file->head > 0 ? read_head(file->fd, file->head, buffer) : read_all(file->fd, buffer);
        if (r < 0)
                proc_file_close(file);
        return r;
}
