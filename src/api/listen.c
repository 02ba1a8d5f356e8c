/* SPDX-License-Identifier: MIT */
/* Listening sockets: those made here, and what each of systemd's is for. */

#include "api/listen.h"

#include <unistd.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "basic/sockaddr.h"

int listen_on(const char *address)
{
        _cleanup_(fd_closep) int fd = -EBADF;
        SockAddr parsed;
        socklen_t size;

        int r = sockaddr_parse(address, &parsed, &size);
        if (r < 0)
                return r;

        fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (parsed.any.sa_family == AF_UNIX)
                (void) unlink(address);
        else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0)
                return -errno;
        if (bind(fd, &parsed.any, size) < 0 || listen(fd, SOMAXCONN) < 0)
                return -errno;

        return TAKE_FD(fd);
}

static const char *const purposes[_LISTEN_PURPOSE_MAX] = {
        [LISTEN_MESH] = "mesh=",
        [LISTEN_BOOTSTRAP] = "bootstrap=",
};

int listen_parse_name(const char *name, ListenPurpose *ret_purpose, IpPrefix *ret_sources)
{
        if (!strchr(name, '=')) {
                *ret_purpose = LISTEN_LOCAL;
                *ret_sources = IP_PREFIX_NULL;
                return 0;
        }

        for (ListenPurpose purpose = LISTEN_LOCAL + 1; purpose < _LISTEN_PURPOSE_MAX; purpose++) {
                IpPrefix sources;

                if (!startswith(name, purposes[purpose]))
                        continue;
                if (ip_prefix_parse(name + strlen(purposes[purpose]), &sources) < 0)
                        return -EINVAL;

                *ret_purpose = purpose;
                *ret_sources = sources;
                return 0;
        }

        return -EINVAL;
}

int listen_append_address(int fd, Text *text)
{
        SockAddr address = { 0 };
        socklen_t size = sizeof address - 1; /* so that a path ends with NUL */

        if (getsockname(fd, &address.any, &size) < 0)
                return -errno;

        sockaddr_append(&address, text);
        return 0;
}
