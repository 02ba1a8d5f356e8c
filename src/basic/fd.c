/* SPDX-License-Identifier: MIT */
/* File descriptors: closed exactly once, read with a bound. */

#include "basic/fd.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/macro.h"

#define PROBE_AFTER_SEC 5

int fd_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }

        return -EBADF;
}

ssize_t fd_pread_text(int fd, char *buffer, size_t size)
{
        size_t filled = 0;

        assert(size > 0);

        while (filled < size) {
                ssize_t n = pread(fd, buffer + filled, size - filled, (off_t) filled);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        buffer[filled] = '\0';
                        return (ssize_t) filled;
                }
                filled += (size_t) n;
        }

        return -EFBIG;
}

int fd_open_regular_at(int dir_fd, const char *path, int flags)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        struct stat st;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EBADFD;

        return TAKE_FD(fd);
}

int fd_read_file_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_size)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        _cleanup_(freep) char *text = NULL;
        size_t room = MIN(max, (size_t) 4096), filled = 0;

        fd = fd_open_regular_at(dir_fd, path, 0);
        if (fd < 0)
                return fd;

        /* Not st_size: files of /proc say 0, and a file may grow meanwhile. One byte more than `max` tells
         * it is too big. */
        for (;;) {
                char *grown = realloc(text, room + 2);
                if (!grown)
                        return -ENOMEM;
                text = grown;

                ssize_t n = read(fd, text + filled, room + 1 - filled);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                filled += (size_t) n;
                if (filled > max)
                        return -EFBIG;
                if (filled > room)
                        room = MIN(max, room * 2);
        }

        text[filled] = '\0';
        *ret_text = TAKE_PTR(text);
        if (ret_size)
                *ret_size = filled;
        return 0;
}

int fd_write_all(int fd, Bytes content)
{
        while (content.size > 0) {
                ssize_t n = write(fd, content.data, content.size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                content = BYTES(content.data + n, content.size - (size_t) n);
        }

        return 0;
}

int fd_connect_unix(int fd, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;

        memcpy(address.sun_path, path, strlen(path) + 1);
        return connect(fd, (const struct sockaddr *) &address, sizeof address) < 0 ? -errno : 0;
}

/* The timeout ends probing, not TCP_KEEPCNT. Source: tcp(7), tcp_keepalive_timer(). */
void fd_set_peer_timeout(int fd, unsigned timeout_ms)
{
        const struct {
                int level, name, value;
        } options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
                        { IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_SEC },
                        { IPPROTO_TCP, TCP_KEEPINTVL, PROBE_AFTER_SEC },
                        { IPPROTO_TCP, TCP_USER_TIMEOUT, (int) timeout_ms } };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                (void) setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                                  sizeof options[i].value);
}

int fd_count_segments(int fd, uint32_t *ret_n)
{
        struct tcp_info info = { 0 };
        socklen_t size = sizeof info;

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return -errno;

        *ret_n = info.tcpi_segs_in;
        return 0;
}
