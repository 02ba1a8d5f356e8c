/* SPDX-License-Identifier: MIT */
/* The child: a session of its own, Landlock, and then another program. It reports an error through a pipe
 * that a successful execveat(2) closes. Its resource limits are those of the unit. */

#include "worker/exec-child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"

#define ENVIRONMENT_MAX 16 /* variables; source: the table of capability.c */

typedef struct Pipes {
        int stream_fds[_OUTPUT_STREAM_MAX][2];
        int error_fds[2];
} Pipes;

static void pipes_done(Pipes *pipes)
{
        for (size_t end = 0; end < 2; end++) {
                for (size_t i = 0; i < _OUTPUT_STREAM_MAX; i++)
                        pipes->stream_fds[i][end] = fd_close(pipes->stream_fds[i][end]);
                pipes->error_fds[end] = fd_close(pipes->error_fds[end]);
        }
}

static int pipes_init(Pipes *pipes)
{
        for (size_t i = 0; i < _OUTPUT_STREAM_MAX; i++) {
                if (pipe2(pipes->stream_fds[i], O_CLOEXEC) < 0)
                        return -errno;
                if (fcntl(pipes->stream_fds[i][0], F_SETFL, O_NONBLOCK) < 0)
                        return -errno;
        }

        return pipe2(pipes->error_fds, O_CLOEXEC) < 0 ? -errno : 0;
}

/* ---- in the child */

/* Descriptors 0 to 2; all others are closed by execveat(2). */
static int arrange_descriptors(const Pipes *pipes)
{
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
            dup2(pipes->stream_fds[OUTPUT_STDOUT][1], STDOUT_FILENO) < 0 ||
            dup2(pipes->stream_fds[OUTPUT_STDERR][1], STDERR_FILENO) < 0)
                return -errno;

        return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

/* Where the unit's memory is used up, the kernel kills the program and not the worker, which reports it.
 * Source: proc(5), oom_score_adj; raising it needs no privilege. */
static void prefer_as_victim(void)
{
        _cleanup_(fd_closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) fd_write_all(fd, bytes_of_string("1000"));
}

static int restrict_self(const ExecChild *child)
{
        if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (chdir(child->job->capability->cwd ? child->job->capability->cwd : "/") < 0)
                return -errno;

        return child->rules->fd >= 0 ? landlock_enforce(child->rules) : 0;
}

/* Returns only on failure. */
static int run(const ExecChild *child, const Pipes *pipes, char **environment)
{
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) signal(SIGPIPE, SIG_DFL);

        prefer_as_victim();
        int r = arrange_descriptors(pipes);
        if (r == 0)
                r = restrict_self(child);
        if (r < 0)
                return r;

        (void) execveat(child->program_fd, "", (char *const *) child->job->command->items, environment,
                        AT_EMPTY_PATH);
        return -errno;
}

/* ---- in the parent */

/* "NAME=value" of each variable of the entry, all in one text with a NUL after each. */
static int make_environment(const Capability *capability, char **ret_text, char **ret_environment)
{
        _cleanup_(text_done) Text text = TEXT_NULL;

        for (size_t i = 0; i < capability->env.n; i++) {
                text_appendf(&text, "%s=%s", capability->env.items[i].key, capability->env.items[i].value);
                text_append_bytes(&text, "", 1);
        }

        int r = text_take(&text, ret_text, NULL);
        char *at = *ret_text;
        for (size_t i = 0; r == 0 && i < capability->env.n; i++, at += strlen(at) + 1)
                ret_environment[i] = at;

        return r;
}

/* 0 if the program was executed; else the error of the child. */
static int read_error(int fd)
{
        int error = 0;
        ssize_t n = -1;

        do
                n = read(fd, &error, sizeof error);
        while (n < 0 && errno == EINTR);

        return n == sizeof error ? error : n == 0 ? 0 : -EIO;
}

static int start(const ExecChild *child, Pipes *pipes, char **environment, pid_t *ret_pid)
{
        pid_t pid = fork();
        if (pid < 0)
                return -errno;

        if (pid == 0) {
                int r = run(child, pipes, environment);

                (void) fd_write_all(pipes->error_fds[1], BYTES_OF(r));
                _exit(EXIT_FAILURE);
        }

        pipes->error_fds[1] = fd_close(pipes->error_fds[1]);
        int r = read_error(pipes->error_fds[0]);
        if (r < 0) {
                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, NULL, 0);
                return r;
        }

        *ret_pid = pid;
        return 0;
}

int exec_child_start(const ExecChild *child, pid_t *ret_pid, int ret_stream_fds[static _OUTPUT_STREAM_MAX])
{
        _cleanup_(pipes_done) Pipes pipes = { .stream_fds = { { -EBADF, -EBADF }, { -EBADF, -EBADF } },
                                              .error_fds = { -EBADF, -EBADF } };
        _cleanup_(freep) char *text = NULL;
        char *environment[ENVIRONMENT_MAX + 1] = { NULL };

        assert(child->job->capability->env.n <= ENVIRONMENT_MAX);
        int r = make_environment(child->job->capability, &text, environment);
        if (r == 0)
                r = pipes_init(&pipes);
        if (r == 0)
                r = start(child, &pipes, environment, ret_pid);
        if (r < 0)
                return r;

        for (size_t i = 0; i < _OUTPUT_STREAM_MAX; i++)
                ret_stream_fds[i] = TAKE_FD(pipes.stream_fds[i][0]);
        return 0;
}
