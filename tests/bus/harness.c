/* SPDX-License-Identifier: MIT */
/* The bus ring's world: a private dbus-daemon, and real daemons on it. */

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "child.h"

#include "files.h"

#define LOG_MAX        (4u * 1024 * 1024)
#define ASK_AGAIN_USEC (50 * USEC_PER_MSEC) /* for a condition that comes true without a message */

static int open_pidfd(pid_t pid)
{
        return (int) syscall(SYS_pidfd_open, pid, 0);
}

/* The rest of the one deadline that a wait has. */
static int remaining_ms(usec_t deadline_usec)
{
        usec_t now = time_now(CLOCK_MONOTONIC);

        return now >= deadline_usec ? 0 : (int) ((deadline_usec - now) / USEC_PER_MSEC) + 1;
}

static usec_t new_deadline(void)
{
        return time_now(CLOCK_MONOTONIC) + TEST_DEADLINE_SEC * USEC_PER_SEC;
}

/* Runs in the child, after fork: what fails here ends it with 127. */
static void child_exec(const char *log_path, char *const *argv, const ChildEnvironment *environment)
{
        int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        /* The parent may have ended before this takes effect; then the bus has ended too. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
                _exit(127);
        (void) execvpe(argv[0], argv, environment->variables);
        _exit(127);
}

static void make_environment(const TestBus *bus, ChildEnvironment *environment)
{
        const char *const changes[] = { bus->address_variable, bus->config_variable,
                                        "DBUS_SESSION_BUS_ADDRESS", "JOURNAL_STREAM", "NOTIFY_SOCKET" };

        child_environment_init(environment);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++)
                child_environment_set(environment, changes[i]);
}

/* dbus-daemon writes --print-address once it listens. */
static void start_bus_daemon(TestBus *bus)
{
        _cleanup_(freep) char *config = text_of("--config-file=%s/bus.conf", bus->directory);
        _cleanup_(freep) char *log = text_of("%s/dbus-daemon.log", bus->directory);
        int ready[2];
        char byte;

        assert_int_equal(pipe(ready), 0); /* inherited on purpose */
        _cleanup_(freep) char *print = text_of("--print-address=%d", ready[1]);
        char *argv[] = { (char *) "dbus-daemon",
                         config,
                         (char *) "--nofork",
                         (char *) "--nopidfile",
                         (char *) "--nosyslog",
                         print,
                         NULL };
        ChildEnvironment environment; /* what it starts itself inherits this */

        make_environment(bus, &environment);
        bus->pid = fork();
        assert_true(bus->pid >= 0);
        if (bus->pid == 0) {
                (void) close(ready[0]);
                child_exec(log, argv, &environment);
        }

        (void) close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
                fail_msg("dbus-daemon did not start; is it installed?");
        (void) close(ready[0]);
}

TestBus *test_bus_new(void)
{
        return test_bus_new_with("");
}

TestBus *test_bus_new_with(const char *more_config)
{
        TestBus *bus = calloc(1, sizeof *bus);
        char directory[] = "/tmp/devbox-bus.XXXXXX"; /* short: a socket's path has 107 bytes */

        assert_non_null(bus);
        assert_non_null(freopen("/dev/null", "r", stdin)); /* what is started inherits it: no terminal */
        assert_non_null(mkdtemp(directory));
        bus->directory = text_of("%s", directory);
        bus->address = text_of("unix:path=%s/bus", directory);
        bus->config_path = text_of("%s/config.yaml", directory);
        bus->address_variable = text_of("DBUS_SYSTEM_BUS_ADDRESS=%s", bus->address);
        bus->config_variable = text_of("DEVBOX_CONFIG=%s", bus->config_path);

        _cleanup_(freep) char *services = text_of("%s/services", directory);
        _cleanup_(freep) char *config_path = text_of("%s/bus.conf", directory);
        _cleanup_(freep) char *config = text_of("<busconfig>\n"
                                                "  <listen>%s</listen>\n"
                                                "  <auth>EXTERNAL</auth>\n"
                                                "  <servicedir>%s</servicedir>\n"
                                                "  <policy context=\"default\">\n"
                                                "    <allow user=\"*\"/>\n"
                                                "    <allow own=\"*\"/>\n"
                                                "    <allow send_destination=\"*\"/>\n"
                                                "    <allow receive_sender=\"*\"/>\n"
                                                "  </policy>\n"
                                                "  %s\n"
                                                "</busconfig>\n",
                                                bus->address, services, more_config);

        assert_int_equal(mkdir(services, 0700), 0);
        write_file(config_path, config);
        start_bus_daemon(bus);
        bus->client = test_bus_connect(bus);
        return bus;
}

static void stop_bus_daemon(TestBus *bus)
{
        bus->client = sd_bus_flush_close_unref(bus->client);
        if (bus->pid > 0 && kill(bus->pid, SIGTERM) == 0)
                (void) waitpid(bus->pid, NULL, 0);
}

void test_bus_restart(TestBus *bus)
{
        stop_bus_daemon(bus);
        start_bus_daemon(bus);
        bus->client = test_bus_connect(bus);
}

TestBus *test_bus_free(TestBus *bus)
{
        if (!bus)
                return NULL;

        stop_bus_daemon(bus);
        remove_tree(bus->directory);
        free(bus->directory);
        free(bus->address);
        free(bus->config_path);
        free(bus->address_variable);
        free(bus->config_variable);
        free(bus);
        return NULL;
}

sd_bus *test_bus_connect(const TestBus *bus)
{
        sd_bus *client = NULL;

        assert_ok(sd_bus_new(&client));
        assert_ok(sd_bus_set_address(client, bus->address));
        assert_ok(sd_bus_set_bus_client(client, true));
        assert_ok(sd_bus_set_method_call_timeout(client, TEST_DEADLINE_SEC * USEC_PER_SEC));
        assert_ok(sd_bus_start(client));
        return client;
}

void test_bus_write_config(const TestBus *bus, const char *yaml)
{
        if (yaml)
                write_file(bus->config_path, yaml);
        else
                assert_true(unlink(bus->config_path) == 0 || errno == ENOENT);
}

void test_bus_add_activation(const TestBus *bus, const char *name, const char *program)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *path = text_of("%s/services/%s.service", bus->directory, name);
        _cleanup_(freep) char *text =
                text_of("[D-BUS Service]\nName=%s\nExec=/bin/sh -c 'exec " BUILD_DIR "/%s 2>>%s/%s.log'\n",
                        name, program, bus->directory, name);

        write_file(path, text);
        assert_ok(sd_bus_call_method(bus->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "ReloadConfig", NULL, &reply, NULL));
}

bool test_bus_has_owner(const TestBus *bus, const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int owned = false;

        assert_ok(sd_bus_call_method(bus->client, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", name));
        assert_ok(sd_bus_message_read(reply, "b", &owned));
        return owned;
}

typedef struct OwnerWait {
        sd_bus *client;
        bool changed;
} OwnerWait;

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ((OwnerWait *) userdata)->changed = true;
        return 0;
}

/* Waits for the bus, and for the process if there is one; false once the process has ended. */
static bool wait_owner(const TestBus *bus, const char *name, bool owned, int pidfd)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *client = test_bus_connect(bus);
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_(freep) char *rule = text_of(
                "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'", name);
        usec_t deadline = new_deadline();
        OwnerWait wait = { .client = client };

        assert_ok(sd_bus_add_match(client, &slot, rule, on_owner_changed, &wait));
        while (test_bus_has_owner(bus, name) != owned) {
                for (wait.changed = false; !wait.changed;) {
                        struct pollfd fds[] = { { .fd = sd_bus_get_fd(client), .events = POLLIN },
                                                { .fd = pidfd, .events = POLLIN } };

                        if (assert_ok(sd_bus_process(client, NULL)) > 0)
                                continue;
                        assert_true(poll(fds, ELEMENTSOF(fds), remaining_ms(deadline)) >= 0 ||
                                    errno == EINTR);
                        if (fds[1].revents)
                                return test_bus_has_owner(bus, name) == owned;
                        if (remaining_ms(deadline) == 0) {
                                _cleanup_(freep) char *log = test_bus_read_log(bus, name);
                                fail_msg("%s %s an owner for too long; its log: %s", name,
                                         owned ? "lacks" : "has", log);
                        }
                }
        }

        return true;
}

void test_bus_wait_owner(const TestBus *bus, const char *name, bool owned)
{
        (void) wait_owner(bus, name, owned, -EBADF);
}

void test_bus_process_until(sd_bus *client, bool (*condition)(void *userdata), void *userdata)
{
        usec_t deadline = new_deadline();

        while (!condition(userdata)) {
                if (assert_ok(sd_bus_process(client, NULL)) > 0)
                        continue;
                if (remaining_ms(deadline) == 0)
                        fail_msg("nothing more happened on the bus");
                assert_ok(sd_bus_wait(client, ASK_AGAIN_USEC));
        }
}

char *test_bus_read_log(const TestBus *bus, const char *name)
{
        _cleanup_(freep) char *path = text_of("%s/%s.log", bus->directory, name);
        char *text = NULL;

        if (fd_read_file_at(AT_FDCWD, path, LOG_MAX, &text, NULL) < 0)
                return text_of("%s", "");
        return text;
}

void test_bus_wait_log(const TestBus *bus, const char *name, const char *wanted)
{
        _cleanup_(fd_closep) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        usec_t deadline = new_deadline();
        char events[4096];

        assert_true(watch >= 0);
        assert_true(inotify_add_watch(watch, bus->directory, IN_MODIFY | IN_CREATE) >= 0);

        for (;;) {
                _cleanup_(freep) char *log = test_bus_read_log(bus, name);
                struct pollfd fd = { .fd = watch, .events = POLLIN };

                if (strstr(log, wanted))
                        return;
                if (remaining_ms(deadline) == 0)
                        fail_msg("%s did not log '%s', but:\n%s", name, wanted, log);
                (void) poll(&fd, 1, remaining_ms(deadline));
                (void) !read(watch, events, sizeof events);
        }
}

/* In the child: the sockets to 3, 4, …, as sd_listen_fds(3) expects them. */
static void child_pass_fds(const int *fds, size_t n)
{
        int first = 3, aside[16];

        if (n > ELEMENTSOF(aside))
                _exit(127);
        for (size_t i = 0; i < n; i++) /* out of the way first: a source may be another's target */
                aside[i] = fcntl(fds[i], F_DUPFD, first + (int) n);
        for (size_t i = 0; i < n; i++)
                (void) dup3(aside[i], first + (int) i, 0);
        for (size_t i = 0; i < n; i++)
                (void) close(aside[i]);
}

static pid_t fork_daemon(const TestBus *bus, const TestDaemonOptions *options)
{
        _cleanup_(freep) char *log = text_of("%s/%s.log", bus->directory, options->name);
        _cleanup_(freep) char *program = text_of(BUILD_DIR "/%s", options->program);
        char listen_fds[32], listen_pid[32] = "LISTEN_PID=0";
        const char *argv[32] = { program };
        ChildEnvironment environment;
        size_t n = 1;

        for (const char *const *argument = options->arguments; argument && *argument; argument++)
                if (n < ELEMENTSOF(argv) - 1)
                        argv[n++] = *argument;

        make_environment(bus, &environment);
        for (const char *const *variable = options->environment; variable && *variable; variable++)
                child_environment_set(&environment, *variable);
        (void) snprintf(listen_fds, sizeof listen_fds, "LISTEN_FDS=%zu", options->n_listen_fds);
        if (options->n_listen_fds > 0) {
                child_environment_set(&environment, listen_fds);
                child_environment_set(&environment, listen_pid);
        }

        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                child_pass_fds(options->listen_fds, options->n_listen_fds);
                (void) snprintf(listen_pid, sizeof listen_pid, "LISTEN_PID=%d", (int) getpid());
                child_exec(log, (char *const *) argv, &environment);
        }
        return pid;
}

TestDaemon *test_daemon_start_full(const TestBus *bus, const TestDaemonOptions *options)
{
        TestDaemon *daemon = calloc(1, sizeof *daemon);

        assert_non_null(daemon);
        *daemon = (TestDaemon){ .bus = bus, .name = text_of("%s", options->name) };
        daemon->pid = fork_daemon(bus, options);
        if (options->no_wait)
                return daemon;

        _cleanup_(fd_closep) int pidfd = open_pidfd(daemon->pid);
        assert_true(pidfd >= 0);
        if (!wait_owner(bus, options->name, true, pidfd)) {
                _cleanup_(freep) char *text = test_bus_read_log(bus, options->name);
                fail_msg("%s ended before it owned its name:\n%s", options->program, text);
        }

        return daemon;
}

TestDaemon *test_daemon_start(const TestBus *bus, const char *program, const char *name)
{
        return test_daemon_start_full(bus, &(TestDaemonOptions){ .program = program, .name = name });
}

TestDaemon *test_daemon_free(TestDaemon *daemon)
{
        if (!daemon)
                return NULL;

        if (daemon->pid > 0) {
                (void) kill(daemon->pid, SIGKILL);
                (void) waitpid(daemon->pid, NULL, 0);
        }
        free(daemon->name);
        free(daemon);
        return NULL;
}

void test_daemon_signal(const TestDaemon *daemon, int number)
{
        assert_true(daemon->pid > 0);
        assert_int_equal(kill(daemon->pid, number), 0);
}

int test_daemon_wait(TestDaemon *daemon)
{
        if (daemon->pid == 0)
                return daemon->status;

        _cleanup_(fd_closep) int pidfd = open_pidfd(daemon->pid);
        struct pollfd fd = { .fd = pidfd, .events = POLLIN };
        int status;

        assert_true(pidfd >= 0);
        if (poll(&fd, 1, TEST_DEADLINE_SEC * 1000) <= 0) {
                _cleanup_(freep) char *text = test_bus_read_log(daemon->bus, daemon->name);
                fail_msg("%s does not end:\n%s", daemon->name, text);
        }

        assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
        daemon->pid = 0;
        daemon->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return daemon->status;
}

int test_daemon_stop(TestDaemon *daemon)
{
        test_daemon_signal(daemon, SIGTERM);
        return test_daemon_wait(daemon);
}

/* org.devbox.Collector1 has its object at /org/devbox/Collector1, and so on. */
static char *object_path_of(const char *name)
{
        char *path = text_of("/%s", name);

        for (char *at = path; *at; at++)
                if (*at == '.')
                        *at = '/';
        return path;
}

static sd_bus_message *new_call(sd_bus *client, const char *name, const char *method)
{
        const char *member = strrchr(method, '.') + 1;
        _cleanup_(freep) char *interface = text_of("%.*s", (int) (member - method - 1), method);
        _cleanup_(freep) char *path = object_path_of(name);
        sd_bus_message *call = NULL;

        assert_ok(sd_bus_message_new_method_call(client, &call, name, path, interface, member));
        return call;
}

sd_bus_message *test_call(sd_bus *client, const char *name, const char *method)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(client, name, method);
        sd_bus_message *reply = NULL;

        if (sd_bus_call(client, call, 0, &error, &reply) < 0)
                fail_msg("%s: %s: %s", method, error.name, error.message);
        return reply;
}

void test_call_error(sd_bus *client, const char *name, const char *method, const char *error_name,
                     char **ret_message)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(client, name, method);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        assert_true(sd_bus_call(client, call, 0, &error, &reply) < 0);
        assert_string_equal(error.name, error_name);
        if (ret_message)
                *ret_message = text_of("%s", strempty(error.message));
}

void test_call_async(sd_bus *client, const char *name, const char *method, sd_bus_message_handler_t on_reply,
                     void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_call(client, name, method);

        assert_ok(sd_bus_call_async(client, NULL, call, on_reply, userdata, 0));
        assert_ok(sd_bus_flush(client));
}

double test_metric(sd_bus *client, const char *name, const char *metric)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(client, name, "org.devbox.Component1.GetMetrics");
        const char *key;
        double value;

        assert_ok(sd_bus_message_enter_container(reply, 'a', "{sd}"));
        while (assert_ok(sd_bus_message_read(reply, "{sd}", &key, &value)) > 0)
                if (streq(key, metric))
                        return value;

        fail_msg("%s has no metric %s", name, metric);
        return 0;
}
