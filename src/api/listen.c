/* SPDX-License-Identifier: MIT */
/* Listening sockets where no systemd hands them over, and where any listens. */

#include "api/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "basic/parse.h"

static int parse_path(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
        struct sockaddr_un *address = (struct sockaddr_un *) ret_address;
        size_t length = strlen(text);

        if (length >= sizeof address->sun_path)
                return -ENAMETOOLONG;

        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(address->sun_path, text, length + 1);
        *ret_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length + 1);
        return 0;
}

static int parse_host_port(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *) ret_address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret_address;
        const char *colon = strrchr(text, ':');
        char host[INET6_ADDRSTRLEN] = "";
        uint64_t port;

        if (!colon || parse_u64(colon + 1, 0, 65535, &port) < 0)
                return -EINVAL;

        bool brackets = text[0] == '[' && colon[-1] == ']';
        size_t length = (size_t) (colon - text) - 2 * brackets;
        if (length >= sizeof host)
                return -EINVAL;
        memcpy(host, text + brackets, length);

        *ret_address = (struct sockaddr_storage){ 0 };
        if (brackets) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons((uint16_t) port);
                *ret_size = sizeof *v6;
                return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
        }

        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t) port);
        *ret_size = sizeof *v4;
        return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int listen_on(const char *address)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        struct sockaddr_storage parsed;
        socklen_t size;

        int r = address[0] == '/' ? parse_path(address, &parsed, &size)
                                  : parse_host_port(address, &parsed, &size);
        if (r < 0)
                return r;

        fd = socket(parsed.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (parsed.ss_family == AF_UNIX)
                (void) unlink(address);
        else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &parsed, size) < 0 || listen(fd, SOMAXCONN) < 0)
                return -errno;

        return TAKE_FD(fd);
}

int listen_append_address(int fd, Text *text)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
                struct sockaddr_un local;
        } address = { 0 };
        socklen_t size = sizeof address - 1; /* so that a path ends with NUL */
        char host[INET6_ADDRSTRLEN];

        if (getsockname(fd, &address.any, &size) < 0)
                return -errno;

        if (address.any.sa_family == AF_UNIX)
                text_append(text, address.local.sun_path);
        else if (address.any.sa_family == AF_INET &&
                 inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host))
                text_appendf(text, "%s:%u", host, ntohs(address.v4.sin_port));
        else if (address.any.sa_family == AF_INET6 &&
                 inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host))
                text_appendf(text, "[%s]:%u", host, ntohs(address.v6.sin6_port));
        return 0;
}
