/* SPDX-License-Identifier: MIT */
/* shell.exec: runs one program, without a shell, in the sandbox of its unit and in one of its own:
 *
 *     open and check the program ── Landlock rules ── fork ── child: session, Landlock, execveat
 *                                                        └─ parent: pass on output until it ends, runs out
 *                                                           of time, or is cancelled; then kill its group
 *
 * The environment has only the variables of the entry. What the program leaves behind is killed with its
 * process group here, and with its control group when this process ends (systemd.kill(5)). */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "log/log.h"
#include "worker/exec-child.h"
#include "worker/job.h"
#include "worker/landlock.h"
#include "worker/memory-events.h"
#include "worker/program.h"

/* Where the unit binds that file of its control group: /sys is out of reach. */
#define MEMORY_EVENTS     "/run/memory.events"
#define MEMORY_EVENTS_MAX 4096 /* bytes */

typedef struct Process {
        pid_t pid;
        int pid_fd;
        int stream_fds[_OUTPUT_STREAM_MAX]; /* -EBADF: at its end */
} Process;

/* What every dynamically linked program reads. */
static const struct {
        const char *path;
        LandlockAccess access;
} base_rules[] = {
        { "/usr/lib", LANDLOCK_READ },       { "/usr/lib64", LANDLOCK_READ },
        { "/lib", LANDLOCK_READ },           { "/lib64", LANDLOCK_READ },
        { "/usr/share", LANDLOCK_READ },     { "/etc/ld.so.cache", LANDLOCK_READ },
        { "/etc/localtime", LANDLOCK_READ }, { "/proc", LANDLOCK_READ },
        { "/dev/null", LANDLOCK_WRITE },     { "/dev/urandom", LANDLOCK_READ },
};

/* The program itself, its loader, and the roots that its arguments may name. */
static int allow_request(LandlockRules *rules, const Job *job, const Program *program)
{
        const ArgumentConstraints *argv = &job->capability->argv;

        int r = landlock_allow_fd(rules, program->fd, LANDLOCK_EXECUTE);
        if (r == 0 && *program->interpreter)
                r = landlock_allow(rules, program->interpreter, LANDLOCK_EXECUTE);

        for (size_t i = 0; r == 0 && i < argv->n; i++)
                if (argv->items[i].kind == CONSTRAINT_PATH) {
                        const PathRoot *root = path_root_find(job->roots, argv->items[i].path_root);

                        r = root ? landlock_allow(rules, root->path, LANDLOCK_READ) : 0;
                }

        return r;
}

/* Without Landlock the sandbox of the unit remains. */
static int make_rules(const Job *job, const Program *program, LandlockRules *ret_rules)
{
        _cleanup_(landlock_rules_done) LandlockRules rules = LANDLOCK_RULES_NULL;

        int r = landlock_rules_init(&rules);
        if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EPERM) { /* EPERM: the filter of a container */
                (void) log_warning_errno(r, "There is no Landlock here, ignoring");
                return 0;
        }
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(base_rules); i++)
                r = landlock_allow(&rules, base_rules[i].path, base_rules[i].access);
        if (r == 0)
                r = allow_request(&rules, job, program);
        if (r < 0)
                return r;

        *ret_rules = rules;
        rules = LANDLOCK_RULES_NULL;
        return 0;
}

/* ---- the process */

static void process_done(Process *process)
{
        for (size_t i = 0; i < ELEMENTSOF(process->stream_fds); i++)
                process->stream_fds[i] = fd_close(process->stream_fds[i]);

        process->pid_fd = fd_close(process->pid_fd);
}

/* Passes on what is readable now. Errors: those of output_write(). */
static int read_stream(Process *process, OutputStream stream, Output *output)
{
        uint8_t piece[CHANNEL_PAYLOAD_MAX];

        ssize_t n = read(process->stream_fds[stream], piece, sizeof piece);
        if (n > 0)
                return output_write(output, stream, BYTES(piece, (size_t) n));
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
                process->stream_fds[stream] = fd_close(process->stream_fds[stream]);

        return 0;
}

/* What is left in the pipes of a process that has ended; a process that it left behind may still write. */
static int drain(Process *process, Output *output)
{
        for (OutputStream stream = 0; stream < _OUTPUT_STREAM_MAX; stream++)
                for (uint64_t size = UINT64_MAX;
                     process->stream_fds[stream] >= 0 && size != output->streams[stream].size;) {
                        size = output->streams[stream].size;
                        int r = read_stream(process, stream, output);
                        if (r < 0)
                                return r;
                }

        return 0;
}

/* Nothing but a request to cancel, or the end of the connection, is expected while a program runs. */
static bool is_cancelled(int channel_fd, short events)
{
        return (events & (POLLIN | POLLHUP | POLLERR)) != 0 && channel_fd >= 0;
}

/* Returns FINISHED when the process has ended, or why it has to. */
static int pump(Process *process, Output *output, usec_t deadline_usec, ResultStatus *ret_status)
{
        enum { PROCESS = _OUTPUT_STREAM_MAX, CHANNEL, _POLL_MAX };

        for (;;) {
                struct pollfd fds[_POLL_MAX] = {
                        { .fd = process->stream_fds[OUTPUT_STDOUT], .events = POLLIN },
                        { .fd = process->stream_fds[OUTPUT_STDERR], .events = POLLIN },
                        { .fd = process->pid_fd, .events = POLLIN },
                        { .fd = output->channel_fd, .events = POLLIN },
                };
                usec_t left = deadline_left(deadline_usec);

                int n = poll(fds, ELEMENTSOF(fds), (int) ((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
                if (n < 0 && errno != EINTR)
                        return -errno;

                for (OutputStream stream = 0; n > 0 && stream < _OUTPUT_STREAM_MAX; stream++)
                        if (fds[stream].revents != 0) {
                                int r = read_stream(process, stream, output);
                                if (r < 0)
                                        return r;
                        }

                if (n > 0 && is_cancelled(output->channel_fd, fds[CHANNEL].revents))
                        *ret_status = RESULT_CANCELLED;
                else if (n > 0 && fds[PROCESS].revents != 0)
                        *ret_status = RESULT_FINISHED;
                else if (deadline_left(deadline_usec) == 0)
                        *ret_status = RESULT_TIMEOUT;
                else
                        continue;

                return 0;
        }
}

/* Without a memory controller there are no events: then the limit of processes makes allocations fail. */
static bool was_out_of_memory(void)
{
        _cleanup_(freep) char *text = NULL;
        uint64_t n = 0;

        return fd_read_file_at(AT_FDCWD, MEMORY_EVENTS, MEMORY_EVENTS_MAX, &text, NULL) == 0 &&
               memory_events_parse_kills(text, &n) == 0 && n > 0;
}

static void set_signal(JobOutcome *outcome, int number)
{
        outcome->exit_signal = number;
        if (number == SIGKILL && was_out_of_memory()) {
                outcome->reason = DEVBOX_ERROR_OOM;
                outcome->why = "used more memory than its worker may have, and the kernel killed it";
        }
}

/* Runs the started process to its end. A result below 0 of pump() means that the agent is gone. */
static int supervise(Process *process, const Job *job, Output *output, JobOutcome *ret_outcome)
{
        JobOutcome outcome = { .status = RESULT_CANCELLED, .exit_code = -1 };
        int status = 0;

        int r = pump(process, output, deadline_after(job_timeout_usec(job)), &outcome.status);

        (void) kill(-process->pid, SIGKILL);
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (r == 0)
                r = drain(process, output);
        if (r < 0)
                return r;

        if (outcome.status == RESULT_FINISHED && WIFEXITED(status))
                outcome.exit_code = WEXITSTATUS(status);
        if (outcome.status == RESULT_FINISHED && WIFSIGNALED(status))
                set_signal(&outcome, WTERMSIG(status));

        *ret_outcome = outcome;
        return 0;
}

static int exec_program(const Job *job, const Program *program, Output *output, JobOutcome *ret_outcome)
{
        _cleanup_(landlock_rules_done) LandlockRules rules = LANDLOCK_RULES_NULL;
        _cleanup_(process_done) Process process = { .pid_fd = -EBADF, .stream_fds = { -EBADF, -EBADF } };

        int r = make_rules(job, program, &rules);
        if (r < 0)
                return r;

        const ExecChild child = { .job = job, .program_fd = program->fd, .rules = &rules };
        r = exec_child_start(&child, &process.pid, process.stream_fds);
        if (r < 0) {
                *ret_outcome = job_failed(DEVBOX_ERROR_BINARY_NOT_ALLOWED, "cannot be executed here");
                (void) log_warning_errno(r, "Cannot execute the program");
                return 0;
        }

        process.pid_fd = (int) syscall(SYS_pidfd_open, process.pid, 0);
        return process.pid_fd < 0 ? -errno : supervise(&process, job, output, ret_outcome);
}

int exec_run(const Job *job, Output *output, JobOutcome *ret_outcome)
{
        _cleanup_(fd_closep) int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(program_done) Program program = PROGRAM_NULL;
        const ProgramRules rules = { .root_fd = root_fd, .sha256 = &job->capability->bin_sha256 };
        const char *why = NULL;

        if (root_fd < 0)
                return -errno;

        int r = program_open(&rules, job->capability->bin, &program, &why);
        if (r > 0) {
                *ret_outcome = job_failed((DevboxError) r, why);
                return 0;
        }

        return r < 0 ? r : exec_program(job, &program, output, ret_outcome);
}
