/* SPDX-License-Identifier: MIT */
/* Secrets on their way in. */

#include "ctl/operator/secret-input.h"

#include <bsd/readpassphrase.h>
#include <sys/resource.h>
#include <unistd.h>

#include "basic/macro.h"

/* Reads to the end, or to the end of a line if `line`. Returns the number of bytes. */
static ssize_t read_some(int fd, bool line, char *buffer, size_t room)
{
        size_t filled = 0;

        for (;;) {
                ssize_t n = read(fd, buffer + filled, line ? 1 : room - filled);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0 || (line && buffer[filled] == '\n'))
                        return n == 0 && line && filled == 0 ? -ENODATA : (ssize_t) filled;

                filled += (size_t) n;
                if (filled == room)
                        return -EFBIG;
        }
}

/* A crash from here on writes no image of the memory. */
static void disable_core_dumps(void)
{
        (void) setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static int read_secret(int fd, bool line, Secret **ret_secret)
{
        char buffer[SECRET_INPUT_MAX + 1];

        disable_core_dumps();
        ssize_t n = read_some(fd, line, buffer, sizeof buffer);
        int r = n < 0 ? (int) n : secret_new(buffer, (size_t) n, ret_secret);

        explicit_bzero(buffer, sizeof buffer);
        return r;
}

int secret_read_fd(int fd, Secret **ret_secret)
{
        return read_secret(fd, false, ret_secret);
}

int secret_read_line(int fd, Secret **ret_secret)
{
        return read_secret(fd, true, ret_secret);
}

int secret_ask(const char *prompt, Secret **ret_secret)
{
        char buffer[SECRET_INPUT_MAX + 1];
        int r;

        disable_core_dumps();
        if (!readpassphrase(prompt, buffer, sizeof buffer, RPP_ECHO_OFF | RPP_REQUIRE_TTY))
                return -errno;

        size_t length = strlen(buffer);
        if (length == 0)
                r = -ENODATA;
        else if (length == SECRET_INPUT_MAX)
                r = -EFBIG; /* the rest is cut off */
        else
                r = secret_new(buffer, length, ret_secret);
        explicit_bzero(buffer, sizeof buffer);
        return r;
}
