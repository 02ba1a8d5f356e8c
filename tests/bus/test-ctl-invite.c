/* SPDX-License-Identifier: MIT */
/* devboxctl invite, pending and admit. */

#include "files.h"
#include "hub-world.h"

#define SUMMARY                                                                                             \
        "home-wsl may\n"                                                                                    \
        " run lsblk, ls on its own\n"                                                                       \
        " read below /srv/home, /home on its own\n"                                                         \
        " write below /srv/home after an approval (message)\n"                                              \
        "for @ana:example.org, for 30 days.\n"

static void test_invite_without_waiting(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run run = hub_world_invite(world);
        assert_true(startswith(run.output, SUMMARY "\nOn home-wsl, within 10 minutes, once:\n\n"
                                                   " devboxctl enroll and paste:\n\ndevbox1:"));
        assert_has(run.output, "\n████ ▄▄▄▄▄ █"); /* the corner of a QR code */
        assert_has(run.output, "\nhome-wsl shows the fingerprint ");
        assert_has(run.output, "Next: devboxctl pending, then: devboxctl admit home-wsl\n");
        assert_int_equal(run.status, 0);
        assert_hub_log(world, "Invite home-wsl at vps.example.org:51820\n");

        _cleanup_(run_done) Run early =
                run_words(world, "admit", "home-wsl", "--manifest", world->manifest, SIGNING(world));
        assert_has(early.output, "no machine has used an invitation of home-wsl yet; on the device run: ");
        assert_int_equal(early.status, 1);
}

static void test_invite_as_json(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run run = run_words(world, "--json", "invite", "home-wsl", "--manifest",
                                                world->manifest, SIGNING(world));
        assert_true(startswith(run.output,
                               "{\"name\":\"home-wsl\",\"address\":\"10.42.0.10\",\"expires_at\":\""));
        assert_has(run.output, "\"token\":\"devbox1:");
        assert_int_equal(run.status, 0);
}

static void test_pending_and_admit(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "pending");
        assert_string_equal(none.output, "no invitation is open\n");
        _cleanup_(run_done) Run invited = hub_world_invite(world);
        assert_int_equal(invited.status, 0);
        hub_world_claim(world, "482 913");
        _cleanup_(run_done) Run pending = run_words(world, "pending");
        assert_string_equal(
                pending.output,
                "NAME STATE DIGITS FROM MACHINE LEFT\n"
                "home-wsl claimed 482 913 203.0.113.7 Ubuntu 24.04, x86_64 9 min 59 s\n"
                "Next: compare the digits with the device's screen, then: devboxctl admit NAME\n");
        _cleanup_(run_done) Run json = run_words(world, "--json", "pending");
        assert_true(startswith(json.output,
                               "{\"pending\":[{\"name\":\"home-wsl\",\"state\":\"claimed\",\"digits\":"
                               "\"482 913\",\"bound\":false,\"source\":\"203.0.113.7\","));

        _cleanup_(run_done) Run wrong = run_words(world, "admit", "home-wsl", "--manifest", world->manifest,
                                                  "--digits", "482 914", SIGNING(world));
        assert_has(wrong.output,
                   "not admitted. If the six digits differ, another machine is between the device");
        assert_int_equal(wrong.status, 1);
        _cleanup_(run_done) Run right = run_words(world, "admit", "home-wsl", "--manifest", world->manifest,
                                                  "--digits", "482913", SIGNING(world));
        assert_has(right.output, "manifest signed for this device's key, version 1\n"
                                 "waiting for its handshake … done\n"
                                 "home-wsl is 10.42.0.10, handshake 0.");
        assert_has(right.output, " s ago. Try: devboxctl run home-wsl COMMAND\n");
        assert_int_equal(right.status, 0);
        assert_hub_log(world, "Admit home-wsl version 1 for its key\n");
}

/* The invitation was used before: the command goes on where an earlier one ended. */
static void test_invite_compares_digits_on_the_terminal(void **state)
{
        HubWorld *world = *state;
        const char *const words[] = { "invite",        "home-wsl",     "--manifest",
                                      world->manifest, SIGNING(world), NULL };

        _cleanup_(run_done) Run invited = hub_world_invite(world);
        assert_int_equal(invited.status, 0);
        hub_world_claim(world, "482 913");
        _cleanup_(run_done) Run no = run_ctl_on_terminal(world->ledger->bus, words, "n\n");
        assert_has(no.output, "Both screens must show 482 913\n");
        assert_has(no.output, "is it so? [y/N] n\ndevboxctl: not admitted.");
        assert_int_equal(no.status, 1);
        _cleanup_(run_done) Run yes = run_ctl_on_terminal(world->ledger->bus, words, "y\n");
        assert_has(yes.output, "home-wsl is 10.42.0.10, handshake ");
        assert_int_equal(yes.status, 0);
}

static void test_invite_waits(void **state)
{
        HubWorld *world = *state;
        const char *const words[] = {
                "invite",     "home-wsl",
                "--manifest", world->manifest,
                "--bind",     "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
                "--yes",      SIGNING(world),
                NULL
        };

        _cleanup_(test_daemon_freep) TestDaemon *waiting = test_daemon_start_full(
                world->ledger->bus, &(TestDaemonOptions){ .program = "src/ctl/devboxctl",
                                                          .name = "waiting",
                                                          .arguments = words,
                                                          .no_wait = true });
        test_bus_wait_log(world->ledger->bus, "waiting", "waiting for home-wsl …");
        hub_world_claim(world, "bound");
        assert_int_equal(test_daemon_wait(waiting), 0);
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, "waiting");
        assert_has(log, "joined from 203.0.113.7 (Ubuntu 24.04, x86_64)\n");
        assert_has(log, "home-wsl is 10.42.0.10, handshake ");
}

static void test_two_devices_with_one_invitation(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run invited = hub_world_invite(world);
        assert_int_equal(invited.status, 0);
        hub_world_claim(world, "held");
        _cleanup_(run_done) Run admit =
                run_words(world, "admit", "home-wsl", "--manifest", world->manifest, SIGNING(world));
        assert_has(admit.output, "two devices used this invitation");
        assert_int_equal(admit.status, 1);
        _cleanup_(run_done) Run pending = run_words(world, "pending");
        assert_has(pending.output, "held: two devices used the invitation; withdraw it with: ");
        _cleanup_(run_done) Run withdraw = run_words(world, "pending", "home-wsl", "--withdraw");
        assert_int_equal(withdraw.status, 0);
        assert_hub_log(world, "Withdraw\n");
}

/* It comes back: the manifest that it had is signed again. */
static void test_invite_again_without_a_manifest(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "invite", "home-wsl", "--no-wait", SIGNING(world));
        assert_has(none.output,
                   "the hub keeps no manifest of home-wsl; say what it may do with: --manifest");
        assert_int_equal(none.status, 1);
        hub_world_admit(world);
        _cleanup_(run_done) Run again = run_words(world, "invite", "home-wsl", "--no-wait", SIGNING(world));
        assert_true(startswith(again.output, SUMMARY));
        assert_int_equal(again.status, 0);
}

static void test_invite_the_hub_itself(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *text = strdup(hub_world_manifest),
                              *path = text_of("%s/hub.yaml", world->ledger->directory);
        char *hub_manifest = text_of("device: hub\n%s", strchr(text, '\n') + 1);

        write_state_file(world->ledger, "hub.yaml", hub_manifest);
        free(hub_manifest);
        _cleanup_(run_done) Run run =
                run_words(world, "invite", "hub", "--self", "--manifest", path, SIGNING(world));
        assert_has(run.output, "hub may\n");
        assert_hub_log(world, "PublishManifest hub version 1\n");
        assert_has(run.output, "ceiling"); /* that of the test's ledger is narrower */
        assert_int_equal(run.status, 1);
}

#define TEMPLATE                                                                                            \
        "operators: [\"@ana:example.org\"]\n"                                                               \
        "approvers: [\"@ana:example.org\"]\n"                                                               \
        "roots: {home: /home}\n"                                                                            \
        "capabilities:\n"                                                                                   \
        "  - run: ls [-l|-la] DIR in home\n"                                                                \
        "  - read: home\n"

/* Device and keys are filled in. */
static void test_invite_with_a_template(void **state)
{
        HubWorld *world = *state;

        write_state_file(world->ledger, "home-wsl.yaml", TEMPLATE);
        _cleanup_(run_done) Run invited = hub_world_invite(world);
        assert_true(startswith(invited.output, "home-wsl may\n"
                                               " run ls on its own\n"
                                               " read below /home on its own\n"
                                               "for @ana:example.org, for 30 days.\n"));
        assert_int_equal(invited.status, 0);
        hub_world_admit(world);
        assert_hub_log(world, "Admit home-wsl version 1 for its key\n");
}

static void test_a_dangerous_manifest_is_not_signed(void **state)
{
        HubWorld *world = *state;

        write_state_file(world->ledger, "home-wsl.yaml",
                         "operators: [\"@ana:example.org\"]\ncapabilities:\n  - run: bash -c WORD\n");
        _cleanup_(run_done) Run run = hub_world_invite(world);
        assert_has(run.output, "; this is not signed, see: devboxctl manifest lint ");
        assert_int_equal(run.status, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                hub_test(test_invite_without_waiting),
                hub_test(test_invite_as_json),
                hub_test(test_pending_and_admit),
                hub_test(test_invite_compares_digits_on_the_terminal),
                hub_test(test_invite_waits),
                hub_test(test_two_devices_with_one_invitation),
                hub_test(test_invite_again_without_a_manifest),
                hub_test(test_invite_the_hub_itself),
                hub_test(test_invite_with_a_template),
                hub_test(test_a_dangerous_manifest_is_not_signed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
