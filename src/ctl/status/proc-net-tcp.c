/* SPDX-License-Identifier: MIT */
/* Listening sockets in /proc/net/tcp. */

#include "ctl/status/proc-net-tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "basic/sockaddr.h"

#define STATE_LISTEN 0x0A /* TCP_LISTEN, net/tcp_states.h */

/* As the kernel writes them: each word of an address as a number of this machine, so byte-swapped on most.
 */
static void format_address(const SockAddr *address, char ret_text[static 64])
{
        bool v6 = address->any.sa_family == AF_INET6;
        uint32_t words[4] = { address->v4.sin_addr.s_addr };
        int at = 0;

        if (v6)
                memcpy(words, &address->v6.sin6_addr, sizeof words);
        for (size_t i = 0; i < (v6 ? 4 : 1); i++)
                at += snprintf(ret_text + at, 64 - (size_t) at, "%08" PRIX32, words[i]);
        (void) snprintf(ret_text + at, 64 - (size_t) at, ":%04" PRIX16,
                        ntohs(v6 ? address->v6.sin6_port : address->v4.sin_port));
}

int listening_at(int proc_fd, const char *address)
{
        char wanted[64], local[64], line[512];
        unsigned state, uid;
        SockAddr parsed;
        socklen_t size;

        int r = sockaddr_parse(address, &parsed, &size);
        if (r < 0 || parsed.any.sa_family == AF_UNIX)
                return r < 0 ? r : -EINVAL;

        bool v6 = parsed.any.sa_family == AF_INET6;
        format_address(&parsed, wanted);
        _cleanup_(fd_closep) int fd = openat(proc_fd, v6 ? "net/tcp6" : "net/tcp", O_RDONLY | O_CLOEXEC);
        FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
        if (!file)
                return -errno;
        TAKE_FD(fd);

        r = 0;
        while (r == 0 && fgets(line, sizeof line, file))
                r = sscanf(line, " %*u: %63s %*s %x %*s %*s %*s %u", local, &state, &uid) == 3 &&
                    streq(local, wanted) && state == STATE_LISTEN && uid == 0;
        (void) fclose(file);
        return r;
}
