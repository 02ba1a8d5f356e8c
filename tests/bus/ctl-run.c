/* SPDX-License-Identifier: MIT */
/* devboxctl as a person runs it. */

#include "ctl-run.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/text.h"
#include "child.h"
#include "files.h"

#define KILLED    (128 + SIGKILL)
#define KILLS_MAX 200

void run_done(Run *run)
{
        free(run->output);
}

static void squeeze(char *text)
{
        char *to = text;

        for (const char *from = text; *from; from++)
                if (*from != ' ' || to == text || to[-1] != ' ')
                        *to++ = *from;
        *to = '\0';
}

Run run_ctl_words(const TestBus *bus, const char *const *words)
{
        static atomic_uint n_runs;
        char name[32];
        Run run;

        (void) snprintf(name, sizeof name, "devboxctl-%u", n_runs++);
        _cleanup_(test_daemon_freep) TestDaemon *daemon = test_daemon_start_full(
                bus,
                &(TestDaemonOptions){
                        .program = "src/ctl/devboxctl", .name = name, .arguments = words, .no_wait = true });
        run.status = test_daemon_wait(daemon);
        run.output = test_bus_read_log(bus, name);
        squeeze(run.output);
        return run;
}

Run run_ctl_with_input(const TestBus *bus, const char *const *words, const char *input)
{
        _cleanup_(fd_closep) int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        int pipe_fds[2], size = (int) strlen(input);

        assert_ok(pipe2(pipe_fds, O_CLOEXEC));
        assert_int_equal(write(pipe_fds[1], input, (size_t) size), size);
        (void) close(pipe_fds[1]);
        assert_ok(dup2(pipe_fds[0], STDIN_FILENO)); /* what is started inherits it */
        (void) close(pipe_fds[0]);
        Run run = run_ctl_words(bus, words);
        assert_ok(dup2(saved, STDIN_FILENO));
        return run;
}

/* Starts the bridge there, on the bus of the test, and keeps what goes to it. */
static const char ssh[] =
        "#!/usr/bin/env python3\n"
        "import os, subprocess, sys, threading\n"
        "if '%s' not in sys.argv:\n"
        "    sys.exit(255)\n"
        "bridge = subprocess.Popen(\n"
        "    ['systemd-stdio-bridge', '--bus-path=' + os.environ['DBUS_SYSTEM_BUS_ADDRESS']],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)\n"
        "def relay(source, *targets):\n"
        "    while data := os.read(source, 65536):\n"
        "        for target in targets:\n"
        "            target.write(data)\n"
        "    targets[0].close()\n"
        "os.set_blocking(0, True)\n"
        "out = os.fdopen(1, 'wb', 0, closefd=False)\n"
        "threading.Thread(target=relay, args=(bridge.stdout.fileno(), out), daemon=True).start()\n"
        "relay(0, bridge.stdin, open('%s/ssh-sent', 'ab', 0))\n";

void ctl_run_use_ssh(const TestBus *bus, const char *host)
{
        static char *before;

        if (!host) {
                assert_ok(setenv("PATH", before, 1));
                free(TAKE_PTR(before));
                return;
        }

        _cleanup_(freep) char *path = text_of("%s/ssh", bus->directory);
        _cleanup_(freep) char *script = text_of(ssh, host, bus->directory);
        before = strdup(getenv("PATH"));
        _cleanup_(freep) char *search = text_of("%s:%s", bus->directory, before);
        write_file(path, script);
        assert_ok(chmod(path, 0755));
        assert_ok(setenv("PATH", search, 1));
}

static atomic_int *map_count(const TestBus *bus)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/ctl-kill-at", bus->directory);
        _cleanup_(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, sizeof(atomic_int)), 0);
        void *count = mmap(NULL, sizeof(atomic_int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(count, MAP_FAILED);
        (void) setenv("KILL_AT", path, 1);
        return count;
}

Run run_ctl_through_kills(const TestBus *bus, const char *const *words,
                          void (*check)(const char *output, void *userdata), void *userdata)
{
        atomic_int *left = map_count(bus);
        Run run = { .status = KILLED };

        for (int at = 1; run.status == KILLED; at++) {
                assert_true(at < KILLS_MAX);
                run_done(&run);
                atomic_store(left, at);
                (void) setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
                (void) setenv("LD_PRELOAD", BUILD_DIR "/tests/bus/libkill-at.so", 1);
                run = run_ctl_words(bus, words);
                (void) unsetenv("LD_PRELOAD");
                if (check)
                        check(run.output, userdata);
        }
        assert_true(atomic_load(left) > 0); /* it was preloaded */
        (void) munmap(left, sizeof *left);
        return run;
}

/* As `words`, on a terminal of its own. */
static pid_t fork_ctl(const TestBus *bus, const char *const *words, int *ret_terminal)
{
        const char *argv[32] = { BUILD_DIR "/src/ctl/devboxctl" };
        ChildEnvironment environment;

        for (size_t i = 0; words[i]; i++) {
                assert_true(i + 2 < ELEMENTSOF(argv));
                argv[i + 1] = words[i];
        }
        child_environment_init(&environment);
        child_environment_set(&environment, bus->address_variable);
        child_environment_set(&environment, "TERM=dumb");

        pid_t pid = forkpty(ret_terminal, NULL, NULL, &(struct winsize){ .ws_row = 60, .ws_col = 132 });
        assert_true(pid >= 0);
        if (pid == 0) {
                (void) execve(argv[0], (char *const *) argv, environment.variables);
                _exit(127);
        }
        return pid;
}

/* At the end of a question. Reading a secret discards what was typed before. */
static const char *type_answer(int fd, const Text *text, const char *answers)
{
        size_t length = strcspn(answers, "\n");

        if (*answers == '\0' || !(endswith(text->data, ": ") || endswith(text->data, "] ")))
                return answers;

        assert_int_equal(write(fd, answers, length + 1), length + 1);
        return answers + length + 1;
}

/* To the end of the terminal, which reads as EIO once its last process has ended. */
static char *talk(int fd, const char *answers)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        char buffer[4096], *output;

        for (;;) {
                struct pollfd ready = { .fd = fd, .events = POLLIN };

                assert_int_equal(poll(&ready, 1, TEST_DEADLINE_SEC * 1000), 1);
                ssize_t n = read(fd, buffer, sizeof buffer);
                if (n <= 0)
                        break;
                for (ssize_t i = 0; i < n; i++)
                        if (buffer[i] != '\r')
                                text_append_bytes(&text, &buffer[i], 1);
                answers = type_answer(fd, &text, answers);
        }

        assert_ok(text_take(&text, &output, NULL));
        return output;
}

Run run_ctl_on_terminal(const TestBus *bus, const char *const *words, const char *answers)
{
        int terminal, status;
        Run run;

        pid_t pid = fork_ctl(bus, words, &terminal);

        run.output = talk(terminal, answers);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        (void) close(terminal);
        squeeze(run.output);
        return run;
}
