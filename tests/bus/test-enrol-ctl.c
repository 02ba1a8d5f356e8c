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
#include "shifted-clock.h"

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
        ledger_bus_init(ledger, device.world->bus, "ledger");
        assert_ok(setenv("DEVBOX_CEILING", strchr(ledger->ceiling_variable, '=') + 1, 1));
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

static void terminal_wait(Terminal *terminal, const char *wanted, int wanted_status)
{
        char text[4096];
        int status;

        assert_int_equal(waitpid(terminal->pid, &status, 0), terminal->pid);
        rewind(terminal->output);
        text[fread(text, 1, sizeof text - 1, terminal->output)] = '\0';
        (void) fclose(terminal->output);
        assert_has(text, wanted);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), wanted_status);
}

static bool somebody_waits(const MeshWorld *world, const void *argument)
{
        return *enrol_pending("digits") != '\0';
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
        terminal_wait(&terminal, digits, 0);
        print_message("joined: %llu us\n", (unsigned long long) (time_now(CLOCK_MONOTONIC) - began));
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        mesh_world_until(enrol_is_active, hub.world, NULL);

        terminal = terminal_start((const char *const[]){ "enroll", NULL });
        terminal_wait(&terminal, "this machine has joined it already, as 10.42.0.10", 0);

        terminal = terminal_start((const char *const[]){ "leave", NULL });
        terminal_wait(&terminal, "left home", 0);
        assert_string_equal(mesh_status(device.world, "role"), "");
}

/* Joins with this invitation and manifest, as at a terminal. */
static void join_with(const Token *token, const char *version)
{
        char text[TOKEN_TEXT_SIZE_MAX], digits[32];

        token_text_format(token, text);
        Terminal terminal = terminal_start((const char *const[]){ "enroll", "--yes", text, NULL });
        mesh_world_until(somebody_waits, hub.world, NULL);
        (void) snprintf(digits, sizeof digits, "%s", enrol_pending("digits"));
        enrol_admit(KEY_DEVICE, version, KEY_MANIFEST, NULL);
        terminal_wait(&terminal, digits, 0);
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
}

/* A device that left comes back after two rotations that it has not seen, to the chain that it has. */
static void test_coming_back_after_rotations(void **state)
{
        _cleanup_(programs_done) Programs programs = { .api = NULL };
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        programs.api = start_api();
        start_device(&programs);
        join_with(&token, "\"version\":1");
        uint64_t size = chain_size(&programs.ledger);
        for (uint8_t id = 2; id < 4; id++) {
                Terminal terminal = terminal_start((const char *const[]){ "leave", NULL });
                terminal_wait(&terminal, "left home", 0);
                mesh_world_stop_engine(device.world); /* its link is gone; systemd starts it again */
                mesh_world_start_engine(device.world);
                if (id == 2) {
                        enrol_set_root("\"version\":2");
                        enrol_set_root("\"version\":3");
                }
                enrol_make_token(id, &token);
                enrol_invite(&token, NULL);
                join_with(&token, id == 2 ? "\"version\":2" : "\"version\":3");
        }
        assert_int_equal(chain_size(&programs.ledger), size + 4); /* two roots, two manifests */
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
        terminal_wait(&terminal, digits, 0);
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
        mesh_world_until(enrol_is_active, hub.world, NULL);
        assert_string_equal(mesh_status(hub.world, "peers"), "1");

        machine_enter(&device);
        _cleanup_(run_done) Run leave =
                run_ctl_through_kills(device.world->bus, (const char *const[]){ "leave", NULL }, NULL, NULL);
        assert_int_equal(leave.status, 0);
        assert_string_equal(mesh_status(device.world, "role"), "");
}

/* ---- the device's ledger */

static void start_mortal(Programs *programs)
{
        atomic_store(device.world->left, 0);
        programs->ledger.daemon = start_mortal_ledger(&programs->ledger, device.world->kill_variable);
}

/* Waits for it, should it have been killed. Returns whether it was. */
static bool restart_ledger(Programs *programs)
{
        LedgerBus *ledger = &programs->ledger;

        if (atomic_exchange(device.world->left, 0) > 0)
                return false;

        assert_int_equal(test_daemon_wait(ledger->daemon), 128 + SIGKILL);
        ledger->daemon = test_daemon_free(ledger->daemon);
        test_bus_wait_owner(ledger->bus, LEDGER, false);
        start_mortal(programs);
        return true;
}

/* Before each call by which it changes something, once the device is admitted. */
static void test_the_ledger_is_killed_before_each_call(void **state)
{
        _cleanup_(programs_done) Programs programs = { .api = NULL };
        char text[TOKEN_TEXT_SIZE_MAX];
        Token token;

        machines_skip();
        enrol_start_hub(&token);
        programs.api = start_api();
        start_device(&programs);
        (void) test_daemon_stop(programs.ledger.daemon);
        programs.ledger.daemon = test_daemon_free(programs.ledger.daemon);
        mesh_world_preload(device.world);
        start_mortal(&programs);
        token_text_format(&token, text);
        Terminal terminal = terminal_start((const char *const[]){ "enroll", "--yes", text, NULL });
        mesh_world_until(somebody_waits, hub.world, NULL);
        atomic_store(device.world->left, 1);
        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        terminal_wait(&terminal, "Both screens must show", 1);

        for (int at = 2; restart_ledger(&programs); at++) {
                atomic_store(device.world->left, at);
                machine_enter(&device);
                _cleanup_(run_done) Run run =
                        run_ctl_words(device.world->bus, (const char *const[]){ "enroll", "--yes", NULL });
                assert_true(run.status == 0 || atomic_load(device.world->left) <= 0);
        }
        assert_string_equal(mesh_status(device.world, "join_state"), "joined");
        mesh_world_until(enrol_is_active, hub.world, NULL);
        assert_true(is_healthy(&programs.ledger));
}

/* ---- clocks */

/* Its devbox-mesh, with a clock of its own. */
static void give_clock(const Machine *machine, ShiftedClock *clock)
{
        machine_enter(machine);
        mesh_world_stop(machine->world);
        shifted_clock_init(clock, machine->world->bus);
        shifted_clock_use(clock);
        mesh_world_start(machine->world);
        shifted_clock_use(NULL);
}

typedef struct Joining {
        Programs programs;
        ShiftedClock hub_clock, device_clock; /* the latter also of ledger and devboxctl */
} Joining;

static void joining_done(Joining *joining)
{
        shifted_clock_use(NULL);
        programs_done(&joining->programs);
        shifted_clock_done(&joining->hub_clock);
        shifted_clock_done(&joining->device_clock);
}

typedef struct ClockCase {
        int hub_sec, device_sec; /* by how much a clock is wrong */
        bool stepped;            /* only once the claim was committed */
} ClockCase;

static void set_wrong(Joining *joining, const ClockCase *row)
{
        shifted_clock_step(&joining->hub_clock, row->hub_sec);
        shifted_clock_step(&joining->device_clock, row->device_sec);
}

static Terminal start_enroll(Joining *joining, const char *token)
{
        shifted_clock_use(&joining->device_clock);
        return terminal_start((const char *const[]){ "enroll", "--yes", token, NULL });
}

/* The device rejects what is signed in its future. Once both clocks are right, the operator signs again, and
 * it goes on. */
static void set_right(Joining *joining, const ClockCase *row)
{
        set_wrong(joining, &(ClockCase){ -row->hub_sec, -row->device_sec, false });
        enrol_publish(KEY_DEVICE, "\"version\":2");
}

static void join_with_clocks(const ClockCase *row)
{
        _cleanup_(joining_done) Joining joining = { .programs = { .api = NULL } };
        bool is_behind = row->device_sec < row->hub_sec;
        char text[TOKEN_TEXT_SIZE_MAX];
        Token token;

        give_clock(&hub, &joining.hub_clock);
        give_clock(&device, &joining.device_clock);
        if (!row->stepped)
                set_wrong(&joining, row);
        enrol_start_hub(&token);
        joining.programs.api = start_api();
        shifted_clock_use(&joining.device_clock);
        start_device(&joining.programs);
        token_text_format(&token, text);

        Terminal terminal = start_enroll(&joining, text);
        mesh_world_until(somebody_waits, hub.world, NULL);
        if (row->stepped)
                set_wrong(&joining, row);
        enrol_admit(KEY_DEVICE, "\"version\":1", KEY_MANIFEST, NULL);
        if (is_behind) {
                terminal_wait(&terminal, "the manifest: it is dated in the future; compare the clocks", 1);
                set_right(&joining, row);
                terminal = start_enroll(&joining, NULL);
        }
        terminal_wait(&terminal, "Mesh 10.42.0.10 on wg0", 0);
        mesh_world_until(enrol_is_active, hub.world, NULL);
}

static void test_clocks_that_are_an_hour_off(void **state)
{
        enum { HOUR = 3600 };
        static const ClockCase rows[] = {
                { HOUR, 0, false }, { -HOUR, 0, false }, { 0, HOUR, false }, { 0, -HOUR, false },
                { HOUR, 0, true },  { -HOUR, 0, true },  { 0, HOUR, true },  { 0, -HOUR, true },
        };

        machines_skip();
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (i > 0)
                        assert_int_equal(machines_start(state), 0);
                join_with_clocks(&rows[i]);
                if (i + 1 < ELEMENTSOF(rows))
                        assert_int_equal(machines_stop(state), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                machines_test(test_enroll),
                machines_test(test_coming_back_after_rotations),
                machines_test(test_enroll_is_killed_and_goes_on),
                machines_test(test_killed_before_each_call),
                machines_test(test_the_ledger_is_killed_before_each_call),
                machines_test(test_clocks_that_are_an_hour_off),
        };

        return cmocka_run_group_tests(tests, machines_up, NULL);
}
