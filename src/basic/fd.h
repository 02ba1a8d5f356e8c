/* SPDX-License-Identifier: MIT */
#pragma once

/* File descriptors: closed exactly once, read with a bound. */

#include <sys/types.h>

#include "basic/bytes.h"

/* Closes `fd` unless it is negative; keeps errno. Returns -EBADF, to assign back. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
        *fd = fd_close(*fd);
}

/* Opens a regular file for reading; never waits for the writer of a FIFO or for a device. Errors: -EISDIR,
 * -EBADFD neither a regular file nor a directory; those of openat(2). */
int fd_open_regular_at(int dir_fd, const char *path, int flags);

/* Reads all of a file that is opened anew, relative to the directory `dir_fd` (or AT_FDCWD), as a string
 * with a terminating NUL that the caller frees. `ret_size` may be NULL; the text may hold NUL bytes, then it
 * tells. Errors: -ENOENT and the like from openat(2), read(2); -EFBIG more than `max` bytes; -ENOMEM; those
 * of fd_open_regular_at(). */
int fd_read_file_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_size);

/* Reads from the start of an open, seekable file into `buffer` and terminates it with NUL: how a kept
 * descriptor of /proc is read again. Returns the number of bytes, or -EFBIG if they and the NUL do not fit
 * in `size`. */
ssize_t fd_pread_text(int fd, char *buffer, size_t size);

/* Writes all of `content`, also after short writes. Errors: those of write(2), then part may be written. */
int fd_write_all(int fd, Bytes content);

/* Connects a Unix socket to the one that listens at `path`. Errors: -ENAMETOOLONG, and those of connect(2):
 * -ENOENT or -ECONNREFUSED nothing listens; -EAGAIN too many wait, and the socket does not block. */
int fd_connect_unix(int fd, const char *path);

/* Has the kernel end a TCP connection whose peer has not answered for this long, also while neither side
 * sends, or which has not taken data for this long. 0: only one that does not answer keepalive probes, which
 * are sent while neither side sends. Set on a listening socket, it is for those that it accepts. Without
 * effect on other sockets. */
void fd_set_peer_timeout(int fd, unsigned timeout_ms);

/* How many segments have arrived on a TCP socket, modulo 2^32: also those without data, such as the
 * keepalive probes of the peer's kernel. Source: TCP_INFO, tcpi_segs_in. Errors: those of getsockopt(2). */
int fd_count_segments(int fd, uint32_t *ret_n);
