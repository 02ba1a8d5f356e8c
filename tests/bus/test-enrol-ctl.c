/* SPDX-License-Identifier: MIT */
/* What a person does on a device: devboxctl enroll and leave, against a real hub: its mesh, and its api
 * behind the bootstrap tunnel. The operator is played by calls. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl-run.h"
#include "enrol-calls.h"
#include "files.h"
#include "ledger-world.h"

#define API      "org.devbox.Api1"
#define SYSTEMD1 "org.freedesktop.systemd1"

/* What runs beside the two meshes. */
typedef struct Programs {
        LedgerBus ledger; /* of the device */
        TestDaemon *api, *systemd;
} Programs;

/* As the generator's socket unit would hand it over. */
static TestDaemon *start_api(void)
{
        const int sockets[] = { hub_listen("10.42.0.1", 8080),
                                hub_listen(ENROLMENT_HUB_ADDRESS, ENROLMENT_PORT) };
        static const char *const environment[] = {
                "LISTEN_FDNAMES=mesh=10.42.0.0/24:bootstrap=" ENROLMENT_DEVICES, NULL
        };

        machine_enter(&hub);
        test_bus_write_config(hub.world->bus, "ledger:\n  trust_clock: true\n");
        TestDaemon *api =
                test_daemon_start_full(hub.world->bus, &(TestDaemonOptions){ .program = "src/api/devbox-api",
                                                                             .name = API,
                                                                             .environment = environment,
                                                                             .listen_fds = sockets,
                                                                             .n_listen_fds = 2 });
        for (size_t i = 0; i < ELEMENTSOF(sockets); i++)
                (void) fd_close(sockets[i]);
        return api;
}

static void start_device(Programs *programs)
{
        LedgerBus *ledger = &programs->ledger;

        machine_enter(&device);
        ledger->bus = device.world->bus;
        ledger->client = device.world->client;
        (void) snprintf(ledger->directory, sizeof ledger->directory, "%s/ledger", ledger->bus->directory);
        (void) snprintf(ledger->state_variable, sizeof ledger->state_variable, "STATE_DIRECTORY=%s",
                        ledger->directory);
        (void) snprintf(ledger->ceiling_variable, sizeof ledger->ceiling_variable,
                        "DEVBOX_CEILING=%s/ceiling.yaml", ledger->directory);
        assert_int_equal(mkdir(ledger->directory, 0700), 0);
        fill_state_directory(ledger);
        assert_ok(setenv("DEVBOX_CEILING", strchr(ledger->ceiling_variable, '=') + 1, 1));
        test_bus_write_config(ledger->bus, "ledger:\n  trust_clock: true\n");
        ledger->daemon = start_ledger(ledger, false);
        programs->systemd = test_daemon_start(ledger->bus, "tests/bus/fake-services", SYSTEMD1);
}

static void programs_done(Programs *programs)
{
        test_daemon_free(programs->ledger.daemon);
        test_daemon_free(programs->api);
        test_daemon_free(programs->systemd);
}

/* ---- devboxctl, while the operator works */

typedef struct Terminal {
        pid_t pid;
        FILE *output;
} Terminal;

static Terminal terminal_start(const char *const *words)
{
        Terminal terminal = { .output = tmpfile() };

        assert_non_null(terminal.output);
        machine_enter(&device);
        terminal.pid = fork();
        assert_true(terminal.pid >= 0);
        if (terminal.pid == 0) {
                Run run = run_ctl_words(device.world->bus, words);

                (void) fputs(run.output, terminal.output);
                (void) fflush(terminal.output);
                _exit(run.status);
        }
        return terminal;
}

static void terminal_wait(Terminal *terminal, const char *wanted)
{
        char text[4096];
        int status;

        assert_int_equal(waitpid(terminal->pid, &status, 0), terminal->pid);
        rewind(terminal->output);
        text[fread(text, 1, sizeof text - 1, terminal->output)] = '\0';
        (void) fclose(terminal->output);
        assert_has(text, wanted);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static bool somebody_waits(const MeshWorld *world, const void *argument)
{
        return *enrol_pending("digits") != '\0';
}

static bool laptop_is_active(const MeshWorld *world, const void *argument)
{
        return streq(mesh_peer(hub.world, "laptop", "state"), "active");
}

static void test_enroll(void **state)
{
        _cleanup_(programs_done) Programs programs = { .api = NULL };
        char text[TOKEN_TEXT_SIZE_MAX], digits[32];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        programs.api = start_api();
        start_device(&programs);
        token_text_format(&token, text);
        usec_t began = time_now(CLOCK_MONOTONIC);
        Terminal terminal = terminal_start((const char *const[]){ "enroll", "--yes", text, NULL });
        mesh_world_until(somebody_waits, hub.world, NULL);
        (void) snprintf(digits, sizeof digits, "%s", enrol_pending("digits"));
        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        terminal_wait(&terminal, digits);
        print_message("joined: %llu us\n", (unsigned long long) (time_now(CLOCK_MONOTONIC) - began));
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        mesh_world_until(laptop_is_active, hub.world, NULL);

        terminal = terminal_start((const char *const[]){ "enroll", NULL });
        terminal_wait(&terminal, "this machine has joined it already, as 10.42.0.10");

        terminal = terminal_start((const char *const[]){ "leave", NULL });
        terminal_wait(&terminal, "left home");
        assert_string_equal(mesh_status(device.world, "role"), "");
}

/* The process that runs devboxctl. */
static pid_t terminal_program(const Terminal *terminal)
{
        _cleanup_(freep) char *path = text_of("/proc/%d/task/%d/children", terminal->pid, terminal->pid);
        _cleanup_(freep) char *text = NULL;

        assert_ok(fd_read_file_at(AT_FDCWD, path, 64, &text, NULL));
        return (pid_t) strtol(text, NULL, 10);
}

/* Whoever closed the terminal goes on without the invitation, with the same keys and digits. */
static void test_enroll_is_killed_and_goes_on(void **state)
{
        _cleanup_(programs_done) Programs programs = { .api = NULL };
        char text[TOKEN_TEXT_SIZE_MAX], digits[32];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        programs.api = start_api();
        start_device(&programs);
        token_text_format(&token, text);
        Terminal terminal = terminal_start((const char *const[]){ "enroll", "--yes", text, NULL });
        mesh_world_until(somebody_waits, hub.world, NULL);
        (void) snprintf(digits, sizeof digits, "%s", enrol_pending("digits"));
        assert_int_equal(kill(terminal_program(&terminal), SIGKILL), 0);
        assert_int_equal(waitpid(terminal.pid, NULL, 0), terminal.pid);
        (void) fclose(terminal.output);

        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        terminal = terminal_start((const char *const[]){ "enroll", "--yes", NULL });
        terminal_wait(&terminal, digits);
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
}

/* The operator admits as soon as there are digits, which stay the same. */
static void admit_when_pending(const char *output, void *userdata)
{
        char *digits = userdata;

        assert_string_not_equal(enrol_pending("state"), "held");
        const char *shown = enrol_pending("digits");
        if (*shown == '\0')
                return;
        if (*digits == '\0')
                (void) snprintf(digits, 32, "%s", shown);
        assert_string_equal(shown, digits);
        if (strstr(output, digits))
                enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
}

static void test_killed_before_each_call(void **state)
{
        _cleanup_(programs_done) Programs programs = { .api = NULL };
        char text[TOKEN_TEXT_SIZE_MAX], digits[32] = "";
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        programs.api = start_api();
        start_device(&programs);
        token_text_format(&token, text);
        machine_enter(&device);
        _cleanup_(run_done) Run enroll = run_ctl_through_kills(
                device.world->bus, (const char *const[]){ "enroll", "--yes", text, NULL },
                admit_when_pending, digits);
        assert_int_equal(enroll.status, 0);
        assert_string_not_equal(digits, "");
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        mesh_world_until(laptop_is_active, hub.world, NULL);
        assert_string_equal(mesh_status(hub.world, "peers"), "1");

        machine_enter(&device);
        _cleanup_(run_done) Run leave =
                run_ctl_through_kills(device.world->bus, (const char *const[]){ "leave", NULL }, NULL, NULL);
        assert_int_equal(leave.status, 0);
        assert_string_equal(mesh_status(device.world, "role"), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_enroll),
                machines_test(test_enroll_is_killed_and_goes_on),
                machines_test(test_killed_before_each_call),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
