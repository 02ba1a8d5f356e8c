/* SPDX-License-Identifier: MIT */
/* Secrets on their way in. */

#include "ctl/operator/secret-input.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "basic/fd.h"

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
        caught = number;
}

/* Reads until the end, or until a line end if `line`. Returns the number of bytes. */
static ssize_t read_some(int fd, bool line, char *buffer, size_t room)
{
        size_t filled = 0;

        for (;;) {
                ssize_t n = read(fd, buffer + filled, line ? 1 : room - filled);
                if (n < 0 && errno == EINTR && !caught)
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

static int read_secret(int fd, bool line, Secret **ret_secret)
{
        char buffer[SECRET_INPUT_MAX + 1];

        /* From here on a crash leaves no image of the memory behind. */
        (void) setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });

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

static int ask_without_echo(int fd, const char *prompt, Secret **ret_secret)
{
        struct termios before, silent;

        if (tcgetattr(fd, &before) < 0)
                return -errno;

        silent = before;
        silent.c_lflag &= ~(tcflag_t) ECHO;
        silent.c_lflag |= ECHONL;
        if (tcsetattr(fd, TCSAFLUSH, &silent) < 0)
                return -errno;

        int r = write(fd, prompt, strlen(prompt)) < 0 ? -errno : read_secret(fd, true, ret_secret);

        if (r < 0)
                (void) !write(fd, "\n", 1); /* the prompt has no line end of its own */
        (void) tcsetattr(fd, TCSAFLUSH, &before);
        return r;
}

int secret_ask(const char *prompt, Secret **ret_secret)
{
        struct sigaction previous[ELEMENTSOF(signals)];
        _cleanup_(fd_closep) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return -errno;

        caught = 0;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaction(signals[i], &(struct sigaction){ .sa_handler = on_signal }, &previous[i]);

        int r = ask_without_echo(fd, prompt, ret_secret);

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaction(signals[i], &previous[i], NULL);
        if (caught)
                (void) raise(caught);
        return r;
}
