/* SPDX-License-Identifier: MIT */
/* Listening sockets in /proc/net/tcp. */

#include "ctl/listening.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/fd.h"
#include "basic/macro.h"
#include "basic/parse.h"

#define STATE_LISTEN 0x0A /* TCP_LISTEN, net/tcp_states.h */

/* As the kernel writes them: each word of an address as a number of this machine, so byte-swapped on most.
 */
static void format_words(const uint32_t *words, size_t n_words, uint64_t port, char *ret_text, size_t size)
{
        int at = 0;

        for (size_t i = 0; i < n_words; i++)
                at += snprintf(ret_text + at, size - (size_t) at, "%08" PRIX32, words[i]);
        (void) snprintf(ret_text + at, size - (size_t) at, ":%04" PRIX64, port);
}

static int to_kernel_text(const char *address, bool *ret_v6, char ret_text[static 64])
{
        const char *colon = strrchr(address, ':');
        char host[INET6_ADDRSTRLEN];
        uint32_t words[4];
        uint64_t port;

        if (!colon || parse_u64(colon + 1, 1, 65535, &port) < 0)
                return -EINVAL;

        bool v6 = address[0] == '[' && colon[-1] == ']';
        size_t length = (size_t) (colon - address) - 2 * v6;
        if (length >= sizeof host)
                return -EINVAL;
        memcpy(host, address + v6, length);
        host[length] = '\0';
        if (inet_pton(v6 ? AF_INET6 : AF_INET, host, words) != 1)
                return -EINVAL;

        format_words(words, v6 ? 4 : 1, port, ret_text, 64);
        *ret_v6 = v6;
        return 0;
}

int listening_at(int proc_fd, const char *address)
{
        char wanted[64], local[64], line[512];
        unsigned state, uid;
        bool v6;

        int r = to_kernel_text(address, &v6, wanted);
        if (r < 0)
                return r;

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
