/* SPDX-License-Identifier: MIT */
/* devboxctl on a machine that joins a network, against a fake mesh, the hub's HTTP on addresses of a network
 * namespace, and the real ledger. */

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl-run.h"
#include "files.h"
#include "ledger-world.h"
#include "netlink/namespace.h"

#define DEVICE         "org.devbox.Mesh1"
#define DEVICE_PROGRAM "tests/bus/fake-device"

typedef struct JoinWorld {
        LedgerBus *ledger;
        TestDaemon *device;
        char *root, *manifest, *ceiling; /* paths */
        Sha256 root_sha256;
        char token[TOKEN_TEXT_SIZE_MAX];
} JoinWorld;

static void start_device(JoinWorld *world, const char *reject)
{
        _cleanup_(freep) char *root = text_of("FAKE_ROOT=%s", world->root);
        _cleanup_(freep) char *manifest = text_of("FAKE_MANIFEST=%s", world->manifest);
        _cleanup_(freep) char *code = text_of("FAKE_REJECT=%s", strempty(reject));

        world->device = test_daemon_start_full(
                world->ledger->bus,
                &(TestDaemonOptions){ .program = DEVICE_PROGRAM,
                                      .name = DEVICE,
                                      .environment = (const char *const[]){ root, manifest,
                                                                            reject ? code : NULL, NULL } });
}

static void make_token(JoinWorld *world, const Sha256 *root_sha256, const char *device)
{
        Token token = { .id = { 1 },
                        .secret = { 2 },
                        .expires_at_sec = 2000000000,
                        .root_sha256 = *root_sha256,
                        .endpoints = { { "vps.example.org", 51820 } },
                        .n_endpoints = 1 };

        (void) snprintf(token.network, sizeof token.network, "home");
        (void) snprintf(token.device, sizeof token.device, "%s", device);
        assert_ok(token_sign(&token, world_key(KEY_TOKEN)));
        token_text_format(&token, world->token);
}

static int world_up(void **state)
{
        JoinWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_int_equal(ledger_bus_up_empty((void **) &world->ledger), 0);
        const char *directory = world->ledger->directory;
        world->root = text_of("%s/root.json", directory);
        world->manifest = text_of("%s/manifest.json", directory);
        world->ceiling = text_of("%s/ceiling.yaml", directory);
        assert_ok(setenv("DEVBOX_CEILING", world->ceiling, 1));

        _cleanup_(freep) char *root = signed_root(&world->ledger->made);
        _cleanup_(freep) char *manifest = signed_manifest(&world->ledger->made, NULL, 0, KEY_MANIFEST);
        write_state_file(world->ledger, "root.json", root);
        write_state_file(world->ledger, "manifest.json", manifest);
        make_token(world, &world->ledger->made.root, "dev-a");
        start_device(world, NULL);
        *state = world;
        return 0;
}

static int world_down(void **state)
{
        JoinWorld *world = *state;

        test_daemon_free(world->device);
        (void) ledger_bus_down((void **) &world->ledger);
        free(world->root);
        free(world->manifest);
        free(world->ceiling);
        free(world);
        return 0;
}

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

static Run enroll_on_terminal(const JoinWorld *world, const char *answers)
{
        return run_ctl_on_terminal(world->ledger->bus, (const char *const[]){ "enroll", NULL }, answers);
}

static void assert_device_log(const JoinWorld *world, const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, DEVICE);

        assert_string_equal(log, text);
}

static void test_enroll(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *answers = text_of("%s\ny\n", world->token);

        _cleanup_(run_done) Run run = enroll_on_terminal(world, answers);
        assert_int_equal(run.status, 0);
        assert_true(startswith(run.output, "Invitation (it is not shown): \n"
                                           "Network home, hub vps.example.org, as dev-a\n"
                                           "Fingerprint "));
        assert_null(strstr(run.output, world->token));
        assert_has(run.output, "\nDoes the operator see the same fingerprint? Join? [y/N] y\n"
                               "Keys made and on the disk\n"
                               "asking the hub … answers over WireGuard\n"
                               "Both screens must show 482 913\n"
                               "waiting for the operator … admitted\n"
                               "Manifest version 7, within this machine's ceiling\n"
                               "Mesh 10.42.0.10 on wg0; the hub answers in ");
        assert_has(run.output, " ms\ndevbox-device.target is active. To leave: devboxctl leave\n");
        assert_device_log(world,
                          "Join\nSignJoin\nFinishJoin\nConfirmJoin\nStartUnit devbox-device.target\n");

        _cleanup_(run_done) Run status = run_words(world, "device", "status");
        assert_has(status.output, "device dev-a\n");
        assert_int_equal(status.status, 0);
        _cleanup_(run_done) Run invite = run_words(world, "invite", "x");
        assert_has(invite.output, "this machine is a device of home; run this on the hub, ");
        assert_int_equal(invite.status, 1);
        _cleanup_(run_done) Run again = run_words(world, "enroll");
        assert_true(startswith(again.output,
                               "Network home; this machine has joined it already, as 10.42.0.10\n"));
        assert_int_equal(again.status, 0);
        _cleanup_(run_done) Run none = enroll_on_terminal(world, "\n");
        assert_true(startswith(none.output, "Invitation (it is not shown; Enter for none): \n"
                                            "Network home; this machine has joined it already, "));
        assert_int_equal(none.status, 0);
        _cleanup_(run_done) Run pasted = enroll_on_terminal(world, answers);
        assert_has(pasted.output, "to join again run first: devboxctl leave\n");
        assert_null(strstr(pasted.output, world->token));
        assert_int_equal(pasted.status, 1);
        _cleanup_(run_done) Run reset = run_words(world, "device", "reset", "--yes");
        assert_has(reset.output,
                   "this machine is a device of home: its history is known there; run devboxctl "
                   "leave first\n");
        assert_int_equal(reset.status, 1);
        _cleanup_(run_done) Run leave = run_words(world, "leave");
        assert_true(startswith(leave.output, "This machine has left home."));
        assert_int_equal(leave.status, 0);
}

static void test_enroll_without_a_terminal(void **state)
{
        JoinWorld *world = *state;

        _cleanup_(run_done) Run run = run_words(world, "--json", "enroll", "--yes", world->token);
        assert_true(startswith(run.output,
                               "devboxctl: warning: other users of this machine can read arguments"));
        assert_has(run.output,
                   "{\"network\":\"home\",\"address\":\"10.42.0.10\",\"hub_address\":\"10.42.0.1\","
                   "\"join_state\":\"joined\"}\n");
        assert_int_equal(run.status, 0);
}

static void test_enroll_goes_on(void **state)
{
        JoinWorld *world = *state;

        test_daemon_free(world->device);
        start_device(world, "token_expired");
        _cleanup_(run_done) Run failed = run_words(world, "enroll", "--yes", world->token);
        assert_has(failed.output, "devboxctl: the hub says: ");
        assert_has(failed.output, " (401 token_expired)\n");
        assert_int_equal(failed.status, 1);
        _cleanup_(run_done) Run run = run_words(world, "enroll");
        assert_has(run.output, "Network home; going on from: claimed\n");
        assert_has(run.output, "To leave");
        assert_int_equal(run.status, 0);
        assert_device_log(world, "Join\nSignJoin\nJoin again\nSignJoin\nFinishJoin\nConfirmJoin\n"
                                 "StartUnit devbox-device.target\n");
}

/* The first one was mistyped, or is over: the next is asked for, on a terminal and on standard input, which
 * a shell would read, and keep, if it were pasted without a question. */
static void test_enroll_with_another_invitation(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *answers = text_of("%s\ny\n", world->token);

        test_daemon_free(world->device);
        start_device(world, "token_expired");
        _cleanup_(run_done) Run failed = run_words(world, "enroll", "--yes", world->token);
        assert_int_equal(failed.status, 1);
        _cleanup_(run_done) Run run = enroll_on_terminal(world, answers);
        assert_true(startswith(run.output,
                               "Invitation (it is not shown; Enter to go on with the one before): \n"
                               "Network home, hub vps.example.org, as dev-a\n"));
        assert_null(strstr(run.output, world->token));
        assert_int_equal(run.status, 0);
        assert_device_log(world, "Join\nSignJoin\nJoin\nSignJoin\nFinishJoin\nConfirmJoin\n"
                                 "StartUnit devbox-device.target\n");
}

static void test_enroll_goes_on_at_a_terminal(void **state)
{
        JoinWorld *world = *state;

        test_daemon_free(world->device);
        start_device(world, "token_expired");
        _cleanup_(run_done) Run failed = run_words(world, "enroll", "--yes", world->token);
        assert_int_equal(failed.status, 1);
        _cleanup_(run_done) Run run = enroll_on_terminal(world, "\n");
        assert_has(run.output, "Network home; going on from: claimed\n");
        assert_int_equal(run.status, 0);
}

/* It ended between the last step of joining and the start of the services. */
static void test_enroll_starts_what_does_not_run(void **state)
{
        JoinWorld *world = *state;

        test_daemon_free(world->device);
        assert_ok(setenv("FAKE_FAIL_JOB", "StartUnit", 1));
        start_device(world, NULL);
        assert_ok(unsetenv("FAKE_FAIL_JOB"));
        _cleanup_(run_done) Run failed = run_words(world, "enroll", "--yes", world->token);
        assert_has(failed.output, "no memory");
        assert_int_equal(failed.status, 1);
        _cleanup_(run_done) Run run = run_words(world, "enroll");
        assert_string_equal(run.output, "Network home; this machine has joined it already, as 10.42.0.10\n"
                                        "devbox-device.target is active. To leave: devboxctl leave\n");
        assert_int_equal(run.status, 0);
        assert_device_log(world,
                          "Join\nSignJoin\nFinishJoin\nConfirmJoin\nStartUnit devbox-device.target\n");
}

/* As after a revocation. */
static void test_the_hub_does_not_answer_any_more(void **state)
{
        JoinWorld *world = *state;

        test_daemon_free(world->device);
        assert_ok(setenv("FAKE_GONE", "yes", 1));
        start_device(world, NULL);
        assert_ok(unsetenv("FAKE_GONE"));
        _cleanup_(run_done) Run joins = run_words(world, "enroll", "--yes", world->token);
        assert_int_equal(joins.status, 0);
        _cleanup_(run_done) Run run = run_words(world, "enroll");
        assert_has(run.output,
                   "joined it already, as 10.42.0.10\nHub does not answer; if it has revoked this "
                   "machine, run devboxctl leave, ");
}

/* Such a device runs nothing, unless its clock is trusted. */
static void test_the_clock_is_not_synchronised(void **state)
{
        JoinWorld *world = *state;
        const char *config = world->ledger->bus->config_path;

        test_daemon_free(world->device);
        assert_ok(setenv("FAKE_UNSYNCHRONISED", "yes", 1));
        start_device(world, NULL);
        assert_ok(unsetenv("FAKE_UNSYNCHRONISED"));
        write_file(config, "ledger:\n  trust_clock: false\n");
        _cleanup_(run_done) Run run = run_words(world, "enroll", "--yes", world->token);
        assert_has(run.output,
                   "\nClock the clock is not synchronised: devbox runs and writes nothing until it "
                   "is; timedatectl set-ntp true, ");
        assert_int_equal(run.status, 0);

        write_file(config, "ledger:\n  trust_clock: true\n");
        _cleanup_(run_done) Run leave = run_words(world, "leave");
        assert_int_equal(leave.status, 0);
        _cleanup_(run_done) Run trusted = run_words(world, "enroll", "--yes", world->token);
        assert_null(strstr(trusted.output, "Clock"));
        assert_int_equal(trusted.status, 0);
}

static void test_the_person_says_no(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *answers = text_of("%s\nn\n", world->token);

        _cleanup_(run_done) Run run = enroll_on_terminal(world, answers);
        assert_has(run.output, "devboxctl: nothing was done\n");
        assert_int_equal(run.status, 1);
        assert_device_log(world, "");
}

static void test_the_ceiling_is_widened_by_a_person(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *no = text_of("%s\ny\nn\n", world->token);

        write_state_file(world->ledger, "ceiling.yaml", "v: 1\ncapabilities: [fs.read]\nread: [/]\n");
        test_daemon_signal(world->ledger->daemon, SIGHUP);
        test_bus_wait_log(world->ledger->bus, LEDGER, "read again");
        _cleanup_(run_done) Run refused = enroll_on_terminal(world, no);
        assert_has(refused.output, "Ceiling the manifest needs more than ");
        assert_has(refused.output, "\n capabilities shell.exec\n");
        assert_has(refused.output, "\n programs /usr/bin/ls\n");
        assert_null(strstr(refused.output, "read /home"));
        assert_has(refused.output,
                   "nothing was installed. Change one of them and run again: devboxctl enroll\n");
        assert_int_equal(refused.status, 1);

        _cleanup_(run_done) Run never = run_words(world, "enroll", "--yes");
        assert_int_equal(never.status, 1);
        _cleanup_(run_done) Run run = enroll_on_terminal(world, "y\n");
        assert_has(run.output, "allows it now\nManifest version 7, within this machine's ceiling\n");
        assert_int_equal(run.status, 0);
        _cleanup_(freep) char *old = text_of("%s.old", world->ceiling);
        assert_ok(access(old, F_OK));
}

/* The root that the hub sends is not the one that the invitation names. */
static void test_another_root(void **state)
{
        JoinWorld *world = *state;

        make_token(world, &(Sha256){ { 1 } }, "dev-a");
        _cleanup_(run_done) Run run = run_words(world, "enroll", "--yes", world->token);
        assert_has(run.output, "devboxctl: the root of the hub: ");
        assert_has(run.output, "; nothing was installed\n");
        assert_int_equal(run.status, 1);
        _cleanup_(run_done) Run status = run_words(world, "device", "status");
        assert_has(status.output, "not enrolled");
}

/* As after the hub was made anew: the same name, and another chain. */
static void test_the_history_of_another_network(void **state)
{
        JoinWorld *world = *state;

        enroll(world->ledger, "dev-a", NULL);
        _cleanup_(run_done) Run run = run_words(world, "enroll", "--yes", world->token);
        assert_has(run.output, "run devboxctl leave and devboxctl device reset, ");
        assert_int_equal(run.status, 1);
        assert_device_log(world, "Join\nSignJoin\n");
}

static void test_a_manifest_that_the_operator_did_not_sign(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *forged = signed_manifest(&world->ledger->made, NULL, 0, KEY_DISPATCHER);

        write_state_file(world->ledger, "manifest.json", forged);
        _cleanup_(run_done) Run run = run_words(world, "enroll", "--yes", world->token);
        assert_has(run.output, "devboxctl: the manifest: manifest_invalid_signature");
        assert_int_equal(run.status, 1);
        assert_device_log(world, "Join\nSignJoin\n");
}

static void test_usage(void **state)
{
        JoinWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "enroll", "hello");
        assert_has(none.output, "this is no invitation: it begins with devbox1:");
        assert_int_equal(none.status, 1);
        _cleanup_(run_done) Run blind = run_words(world, "enroll", world->token);
        assert_has(blind.output, "there is no terminal to ask on; compare the fingerprint ");
        assert_int_equal(blind.status, 1);
        _cleanup_(run_done) Run remote = run_words(world, "-H", "hub", "enroll");
        assert_int_equal(remote.status, 2);
        _cleanup_(run_done) Run reset = run_words(world, "device", "reset");
        assert_has(reset.output, "there is no terminal to ask on; give --yes");
        assert_int_equal(reset.status, 2);
        _cleanup_(run_done) Run leave = run_words(world, "leave");
        assert_string_equal(leave.output, "This machine is in no network.\n");
        assert_device_log(world, "Leave\nStopUnit devbox-device.target\n");
}

static void test_a_closed_directory(void **state)
{
        JoinWorld *world = *state;
        _cleanup_(freep) char *answers = text_of("%s\ny\ny\n", world->token);

        _cleanup_(run_done) Run missing = run_words(world, "enroll", "--yes", world->token);
        assert_has(missing.output,
                   "Files /srv/share does not exist: make it; then devboxctl device grant --write "
                   "/srv/share\n");
        assert_int_equal(missing.status, 0);
        _cleanup_(run_done) Run left = run_words(world, "leave");
        assert_int_equal(left.status, 0);

        assert_int_equal(mkdir("/srv/share", 0700), 0);
        _cleanup_(run_done) Run blind = run_words(world, "enroll", "--yes", world->token);
        assert_has(blind.output, "Files /srv/share is closed to devbox\n"
                                 " to open it: devboxctl device grant --write /srv/share\n");
        assert_int_equal(blind.status, 0);
        _cleanup_(run_done) Run leave = run_words(world, "leave");
        assert_int_equal(leave.status, 0);

        _cleanup_(run_done) Run run = enroll_on_terminal(world, answers);
        assert_has(run.output, "Files /srv/share is closed to devbox\n"
                               "Open it to read and write, by ACLs? [y/N] y\n"
                               " open for devbox; files and directories: 1\n");
        assert_int_equal(run.status, 0);
        assert_int_equal(rmdir("/srv/share"), 0);
}

/* One right after the other keep what there was apart. */
static void test_two_resets(void **state)
{
        JoinWorld *world = *state;
        char first[256] = "";

        assert_ok(mkdir("/var/lib/devbox", 0755));
        for (int i = 0; i < 2; i++) {
                assert_ok(mkdir("/var/lib/devbox/ledger", 0700));
                write_file("/var/lib/devbox/ledger/ledger.db", "kept");
                _cleanup_(run_done) Run run = run_words(world, "device", "reset", "--yes");
                assert_true(startswith(run.output, "this machine has a new key; what it was before is in "
                                                   "/var/lib/devbox/ledger.2"));
                assert_int_equal(run.status, 0);
                assert_string_not_equal(run.output, first);
                (void) snprintf(first, sizeof first, "%s", run.output);
        }
}

/* The groups that an installation makes, an empty /srv and an empty /var/lib. */
static bool make_files(void)
{
        static const char path[] = "/srv/group";

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/srv", "tmpfs", 0, NULL) < 0 || mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) < 0)
                return false;

        write_file(path, "root:x:0:\ndevbox-read:x:12345:\ndevbox-write:x:12346:\n");
        return mount(path, "/etc/group", NULL, MS_BIND, NULL) == 0;
}

/* The hub's addresses, which no tunnel leads to here. */
static bool make_network(void)
{
        if (!namespace_enter() || !make_files())
                return false;

        (void) namespace_add_tun("hub", "10.42.0.1/32");
        (void) namespace_add_tun("bootstrap", "169.254.42.1/32");
        return true;
}

#define join_test(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                join_test(test_enroll),
                join_test(test_enroll_without_a_terminal),
                join_test(test_enroll_goes_on),
                join_test(test_enroll_with_another_invitation),
                join_test(test_enroll_goes_on_at_a_terminal),
                join_test(test_enroll_starts_what_does_not_run),
                join_test(test_the_hub_does_not_answer_any_more),
                join_test(test_the_clock_is_not_synchronised),
                join_test(test_the_person_says_no),
                join_test(test_the_ceiling_is_widened_by_a_person),
                join_test(test_another_root),
                join_test(test_the_history_of_another_network),
                join_test(test_a_manifest_that_the_operator_did_not_sign),
                join_test(test_a_closed_directory),
                join_test(test_two_resets),
                join_test(test_usage),
        };

        return make_network() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
