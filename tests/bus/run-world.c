/* SPDX-License-Identifier: MIT */
#include "run-world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/time.h"
#include "run-mesh.h"

#define ENVIRONMENT_MAX 256

static const char *const kinds[] = { "exec", "fsr", "fsw" };

typedef struct FakeParts {
        RunWorld *world;
        pthread_t thread;
        sd_event *event;
        sd_bus *bus;
        int control_fds[2];
        int worker_fds[ELEMENTSOF(kinds)];
        sd_event_source *worker_sources[ELEMENTSOF(kinds)];
        char *environment[ENVIRONMENT_MAX]; /* of workers: ours before the test's thread changes it */
} FakeParts;

/* ---- Accept=yes */

static char **append_environment(char **end, char *const *variables)
{
        while (variables && *variables)
                *end++ = *variables++;
        return end;
}

/* In the child of a process with threads: without setenv(3), whose lock another of them may have had. The
 * first of two variables with one name counts. */
static void exec_worker(const FakeParts *parts, const char *kind, int fd)
{
        const RunWorld *world = parts->world;
        char pid[32], credentials[192], log[160];
        char *own[] = { (char *) "LISTEN_FDS=1", pid, credentials, NULL }, *environment[ENVIRONMENT_MAX + 8],
             **end = environment;

        (void) snprintf(pid, sizeof pid, "LISTEN_PID=%d", (int) getpid());
        (void) snprintf(credentials, sizeof credentials, "CREDENTIALS_DIRECTORY=%s/credentials",
                        world->run_directory);
        (void) snprintf(log, sizeof log, "%s/worker.log", world->run_directory);
        int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        if (dup2(fd, 10) < 0 || dup2(10, 3) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
                _exit(127);
        (void) close(10);
        end = append_environment(end, own);
        end = append_environment(end, world->worker_environment);
        *append_environment(end, parts->environment) = NULL;
        (void) execle(BUILD_DIR "/src/worker/devbox-worker", "devbox-worker", kind, NULL, environment);
        _exit(127);
}

static int on_worker(sd_event_source *source, int listen_fd, uint32_t events, void *userdata)
{
        FakeParts *parts = userdata;
        size_t kind = 0;

        while (parts->worker_fds[kind] != listen_fd)
                kind++;

        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return 0;
        if (fork() == 0)
                exec_worker(parts, kinds[kind], fd);
        return close(fd);
}

static int listen_worker(FakeParts *parts, size_t kind)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/worker-%s.sock",
                         parts->world->run_directory, kinds[kind]);

        assert_true((size_t) n < sizeof address.sun_path);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            listen(fd, SOMAXCONN) < 0)
                return -errno;

        parts->worker_fds[kind] = fd;
        return sd_event_add_io(parts->event, &parts->worker_sources[kind], fd, EPOLLIN, on_worker, parts);
}

void set_worker(RunWorld *world, const char *kind, bool listening)
{
        char path[192];

        (void) snprintf(path, sizeof path, "%s/worker-%s.sock", world->run_directory, kind);
        assert_false(listening);
        assert_int_equal(unlink(path), 0);
}

/* What the test's thread asks for. */
typedef struct Control {
        enum { CONTROL_END, CONTROL_EVENT, CONTROL_PRESENCE } what;
        RunEvent event;
        const char *presence; /* a literal */
} Control;

static int on_control(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        FakeParts *parts = userdata;
        RunWorld *world = parts->world;
        Control control = { .what = CONTROL_END };

        if (read(fd, &control, sizeof control) != sizeof control || control.what == CONTROL_END)
                return sd_event_exit(parts->event, 0);
        if (control.what == CONTROL_EVENT)
                return run_mesh_emit(parts->bus, world, &control.event);
        atomic_store(&world->stale, streq(control.presence, "stale"));
        return sd_bus_emit_signal(parts->bus, "/org/devbox/Mesh1", "org.devbox.Mesh1", "PeerChanged", "ss",
                                  "dev-a", control.presence);
}

static void send_control(const FakeParts *parts, Control control)
{
        assert_int_equal(write(parts->control_fds[1], &control, sizeof control), sizeof control);
}

void run_world_emit(RunWorld *world, const char *device, const char *kind, const char *detail)
{
        usec_t now_usec = time_now(CLOCK_REALTIME), age_usec = world->event_age_min * 60 * USEC_PER_SEC;

        send_control(world->parts,
                     (Control){ .what = CONTROL_EVENT,
                                .event = { device, kind, detail, (now_usec - age_usec) / USEC_PER_MSEC } });
}

void run_world_revoke(RunWorld *world)
{
        run_world_emit(world, "dev-a", "revoked", "");
}

void run_world_set_stale(RunWorld *world, bool stale)
{
        send_control(world->parts,
                     (Control){ .what = CONTROL_PRESENCE, .presence = stale ? "stale" : "online" });
}

static void *run_parts(void *userdata)
{
        (void) sd_event_loop(((FakeParts *) userdata)->event);
        return NULL;
}

static void start_parts(RunWorld *world)
{
        FakeParts *parts = calloc(1, sizeof *parts);

        assert_non_null(parts);
        world->parts = parts;
        parts->world = world;
        parts->bus = test_bus_connect(world->ledger->bus);
        assert_ok(sd_event_new(&parts->event));
        assert_ok(sd_bus_attach_event(parts->bus, parts->event, 0));
        run_mesh_attach(parts->bus, world);
        assert_int_equal(pipe(parts->control_fds), 0);
        assert_ok(sd_event_add_io(parts->event, NULL, parts->control_fds[0], EPOLLIN, on_control, parts));
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                assert_ok(listen_worker(parts, i));
        for (size_t i = 0; environ[i]; i++) {
                assert_true(i < ENVIRONMENT_MAX - 1);
                parts->environment[i] = environ[i];
        }
        assert_int_equal(pthread_create(&parts->thread, NULL, run_parts, parts), 0);
}

static void stop_parts(FakeParts *parts)
{
        send_control(parts, (Control){ .what = CONTROL_END });
        assert_int_equal(pthread_join(parts->thread, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                sd_event_source_unref(parts->worker_sources[i]);
                (void) fd_close(parts->worker_fds[i]);
        }
        sd_bus_flush_close_unref(parts->bus);
        sd_event_unref(parts->event);
        (void) close(parts->control_fds[0]);
        (void) close(parts->control_fds[1]);
        free(parts);
}

/* ---- the daemons */

void start_agent(RunWorld *world)
{
        const char *const environment[] = { "LISTEN_FDNAMES=127.0.0.1/32", world->worker_variable, NULL };

        world->agent = test_daemon_start_full(world->ledger->bus,
                                              &(TestDaemonOptions){ .program = "src/agent/devbox-agent",
                                                                    .name = "org.devbox.Agent1",
                                                                    .environment = environment,
                                                                    .listen_fds = &world->listen_fd,
                                                                    .n_listen_fds = 1 });
}

void start_dispatch(RunWorld *world)
{
        const char *const environment[] = { world->dispatch_variable, world->port_variable, NULL };

        world->dispatch = test_daemon_start_full(
                world->ledger->bus, &(TestDaemonOptions){ .program = "src/dispatch/devbox-dispatch",
                                                          .name = DISPATCH,
                                                          .environment = environment });
}

/* Loopback, on a port that is free. */
static void listen_agent(RunWorld *world)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;

        world->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_ok(world->listen_fd);
        assert_int_equal(bind(world->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(world->listen_fd, 16), 0);
        assert_int_equal(getsockname(world->listen_fd, (struct sockaddr *) &address, &size), 0);
        (void) snprintf(world->port_variable, sizeof world->port_variable, "DEVBOX_AGENT_PORT=%u",
                        ntohs(address.sin_port));
}

/* The user of the test asks and approves; the dispatcher's keys are those of this run; df sleeps. */
char *run_world_make_manifest(RunWorld *world, const char *device, const char *approver)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                test_call(world->client, DISPATCH, DISPATCH ".GetKeys");
        const struct passwd *user = getpwuid(getuid());
        char name[32], operators[320], approvers[320], write[160], keys[2][65];

        assert_non_null(user);
        for (size_t i = 0; i < 2; i++) {
                const void *bytes;
                size_t size;
                Sha256 key;

                assert_ok(sd_bus_message_read_array(reply, 'y', &bytes, &size));
                assert_int_equal(size, sizeof key);
                memcpy(&key, bytes, size);
                world_digest_hex(&key, keys[i]);
        }
        (void) snprintf(name, sizeof name, "\"device\":\"%s\"", device);
        (void) snprintf(operators, sizeof operators, "\"operators\":[%s{\"mxid\":\"local:%s\"},",
                        strempty(world->operators), user->pw_name);
        (void) snprintf(approvers, sizeof approvers, "\"approvers\":[%s{\"mxid\":\"local:%s\"},",
                        strempty(world->approvers), approver ?: user->pw_name);
        (void) snprintf(write, sizeof write,
                        "\"id\":\"write-srv\",\"approval\":\"%s\",\"approval_self\":true,\"max_age_s\":600",
                        world->write_tier ?: "message");

        const Edit edits[] = {
                { "\"device\":\"dev-a\"", name },
                { "\"operators\":[", operators },
                { "\"approvers\":[", approvers },
                { "@dispatcher@", keys[0] },
                { "@attester@", keys[1] },
                { "/srv/share", world->directory },
                { "\"id\":\"write-srv\",\"approval\":\"reaction\"", write },
                { "\"read-home\",\"approval\":\"none\",\"roots\":[\"home\"]",
                  "\"read-home\",\"approval\":\"none\",\"roots\":[\"home\",\"srv\"]" },
                { "\"rate\":{\"n\":3,\"per_s\":60},", "" },
                { "/usr/bin/df\",\"argv\":[{\"lit\":\"-h\"}]",
                  "/usr/bin/sleep\",\"argv\":[{\"int\":[1,1000]}],\"timeout_s\":100" },
                { "\"exec_kill\":\"timeout\"}]",
                  "\"exec_kill\":\"timeout\"},{\"name\":\"shell.exec\",\"id\":\"cat\",\"approval\":"
                  "\"none\",\"bin\":\"/usr/bin/cat\",\"argv\":[{\"path\":{\"root\":\"srv\",\"kind\":"
                  "\"file\",\"must\":\"exist\"}}],\"timeout_s\":100,\"max_output\":67108864},{\"name\":"
                  "\"shell.exec\",\"id\":"
                  "\"soon\",\"approval\":"
                  "\"none\","
                  "\"bin\":\"/usr/bin/ls\",\"argv\":[{\"lit\":\"soon\"}],\"max_age_s\":1},"
                  "{\"name\":\"shell.exec\",\"id\":\"absent\",\"approval\":\"none\",\"bin\":\"/usr/bin/ls\","
                  "\"argv\":[{\"lit\":\"absent\"}]},"
                  "{\"name\":\"shell.exec\",\"id\":\"late\",\"approval\":\"message\",\"bin\":\"/usr/bin/"
                  "ls\","
                  "\"argv\":[{\"lit\":\"late\"}],\"max_age_s\":1},"
                  "{\"name\":\"shell.exec\",\"id\":\"nap\",\"approval\":\"message\",\"approval_self\":true,"
                  "\"bin\":\"/usr/bin/sleep\",\"argv\":[{\"lit\":\"infinity\"}],\"timeout_s\":100}]" },
                { "\"approval_count\":2,", "\"approval_count\":2,\"approval_self\":true," },
        };

        return signed_manifest(&world->ledger->made, edits, ELEMENTSOF(edits), KEY_MANIFEST);
}

void run_world_sign_manifest(RunWorld *world, const char *approver)
{
        free(world->manifest);
        world->manifest = run_world_make_manifest(world, "dev-a", approver);
}

static void write_text(const char *folder, const char *name, const char *text)
{
        char path[256];

        (void) snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

void run_world_format_ceiling(const RunWorld *world, char *ret_text, size_t size)
{
        (void) snprintf(
                ret_text, size,
                "v: 1\ncapabilities: [shell.exec, fs.read, fs.write, service.restart, docker.exec]\n"
                "programs: [/usr/bin/cat, /usr/bin/ls, /usr/bin/sleep]\nread: [/home, %s]\nwrite: [%s]\n"
                "containers: [web]\nunits: [nginx.service]\n",
                world->directory, world->directory);
}

static void make_places(RunWorld *world)
{
        const char *base = world->ledger->bus->directory;
        char path[192], ceiling[512], key[66];
        Sha256 public;

        (void) snprintf(world->directory, sizeof world->directory, "%s/share", base);
        (void) snprintf(world->run_directory, sizeof world->run_directory, "%s/run", base);
        (void) snprintf(path, sizeof path, "%s/credentials", world->run_directory);
        assert_int_equal(mkdir(world->directory, 0700), 0);
        assert_int_equal(mkdir(world->run_directory, 0700), 0);
        assert_int_equal(mkdir(path, 0700), 0);

        run_world_format_ceiling(world, ceiling, sizeof ceiling);
        write_text(path, "ceiling", ceiling);
        write_state_file(world->ledger, "ceiling.yaml", ceiling);
        memcpy(&public, key_pair_public(world_key(KEY_DEVICE)), sizeof public);
        world_digest_hex(&public, key);
        write_text(path, "device-key", key);

        (void) snprintf(world->worker_variable, sizeof world->worker_variable, "DEVBOX_WORKER_DIRECTORY=%s",
                        world->run_directory);
        (void) snprintf(path, sizeof path, "%s/dispatch", base);
        assert_int_equal(mkdir(path, 0700), 0);
        (void) snprintf(world->dispatch_variable, sizeof world->dispatch_variable, "STATE_DIRECTORY=%s",
                        path);
}

int run_world_up(void **state)
{
        RunWorld *world = calloc(1, sizeof *world);
        void *ledger = NULL;

        assert_non_null(world);
        (void) signal(SIGCHLD, SIG_DFL);
        assert_int_equal(ledger_bus_up_empty(&ledger), 0);
        world->ledger = ledger;
        world->client = world->ledger->client;
        make_places(world);
        (void) test_daemon_stop(world->ledger->daemon);
        test_daemon_free(world->ledger->daemon);
        world->ledger->daemon = start_ledger(world->ledger, false);
        enroll(world->ledger, "dev-a", NULL);

        listen_agent(world);
        start_parts(world);
        start_agent(world);
        start_dispatch(world);
        world->root = signed_root(&world->ledger->made);
        run_world_sign_manifest(world, NULL);
        *state = world;
        return 0;
}

int run_world_down(void **state)
{
        RunWorld *world = *state;
        void *ledger = world->ledger;

        test_daemon_free(world->dispatch);
        test_daemon_free(world->agent);
        stop_parts(world->parts);
        (void) fd_close(world->listen_fd);
        free(world->root);
        free(world->manifest);
        free(world);
        return ledger_bus_down(&ledger);
}
