/* SPDX-License-Identifier: MIT */
/* One GET request over a Unix socket: HTTP/1.0, so that the answer ends where the connection ends. */

#include "ctl/status/http-get.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "basic/text.h"

#define PATIENCE_SEC 10

static int connect_unix(const char *path, int *ret_fd)
{
        static const struct timeval patience = { .tv_sec = PATIENCE_SEC };
        _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
                return -errno;

        int r = fd_connect_unix(fd, path);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int send_request(int fd, const char *target)
{
        char request[256];
        int size = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", target);

        if (size < 0 || (size_t) size >= sizeof request)
                return -ENAMETOOLONG;

        /* So small that a new socket's buffer takes it in one piece. */
        ssize_t n = send(fd, request, (size_t) size, MSG_NOSIGNAL);
        return n < 0 ? -errno : n == size ? 0 : -EIO;
}

static int receive_all(int fd, Text *answer)
{
        char buffer[4096];

        for (;;) {
                ssize_t n = recv(fd, buffer, sizeof buffer, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return answer->error;

                text_append_bytes(answer, buffer, (size_t) n);
                if (answer->size > HTTP_GET_MAX)
                        return -EFBIG;
        }
}

int http_get_over_unix(const char *socket_path, const char *target, int *ret_status, char **ret_body)
{
        _cleanup_(text_done) Text answer = TEXT_NULL;
        _cleanup_(fd_closep) int fd = -EBADF;
        const char *body;
        int status;

        int r = connect_unix(socket_path, &fd);
        if (r < 0)
                return r;
        r = send_request(fd, target);
        if (r < 0)
                return r;
        r = receive_all(fd, &answer);
        if (r < 0)
                return r;

        if (answer.size == 0 || sscanf(answer.data, "HTTP/1.%*1[01] %3d", &status) != 1)
                return -EBADMSG;
        body = strstr(answer.data, "\r\n\r\n");
        if (!body)
                return -EBADMSG;

        char *copy = strdup(body + 4);
        if (!copy)
                return -ENOMEM;

        *ret_status = status;
        *ret_body = copy;
        return 0;
}
