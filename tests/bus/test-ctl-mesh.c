/* SPDX-License-Identifier: MIT */
/* The commands of the mesh on an operator's screen, against a fake hub and the real ledger. */

#include <stdio.h>
#include <unistd.h>

#include "codec/binary-text.h"
#include "ctl-run.h"
#include "files.h"
#include "ledger-world.h"

#define HUB         "org.devbox.Mesh1"
#define HUB_PROGRAM "tests/bus/fake-hub"
#define SEED        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define MANIFEST                                                                                            \
        "device: home-wsl\n"                                                                                \
        "dev_pub: 278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e\n"                       \
        "operators: [{mxid: \"@ana:example.org\"}]\n"                                                       \
        "approvers: [{mxid: \"@ana:example.org\"}]\n"                                                       \
        "dispatchers: [{pub: 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c,\n"           \
        "               not_after: 30d}]\n"                                                                 \
        "attesters: [{pub: fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025,\n"             \
        "             not_after: 30d}]\n"                                                                   \
        "roots: [{name: home, path: /home}, {name: share, path: /srv/home}]\n"                              \
        "capabilities:\n"                                                                                   \
        "  - {name: shell.exec, id: ls, approval: none, bin: /usr/bin/lsblk, argv: []}\n"                   \
        "  - {name: shell.exec, id: ls2, approval: none, bin: /usr/bin/ls, argv: []}\n"                     \
        "  - {name: shell.exec, id: ls3, approval: none, bin: /usr/bin/ls, argv: [-l]}\n"                   \
        "  - {name: fs.read, id: read, approval: none, roots: [share, home]}\n"                             \
        "  - {name: fs.write, id: write, approval: message, roots: [share]}\n"

typedef struct HubWorld {
        LedgerBus *ledger;
        TestDaemon *hub;
        char *operator, * key, *manifest; /* paths */
} HubWorld;

static void world_start(void **state)
{
        HubWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_int_equal(ledger_bus_up_empty((void **) &world->ledger), 0);
        world->operator= text_of("%s/operator", world->ledger->directory);
        world->key = text_of("%s/seed", world->ledger->directory);
        world->manifest = text_of("%s/home-wsl.yaml", world->ledger->directory);
        write_state_file(world->ledger, "seed", SEED);
        write_state_file(world->ledger, "home-wsl.yaml", MANIFEST);
        world->hub = test_daemon_start(world->ledger->bus, HUB_PROGRAM, HUB);
        *state = world;
}

static int world_down(void **state)
{
        HubWorld *world = *state;

        test_daemon_free(world->hub);
        (void) ledger_bus_down((void **) &world->ledger);
        free(world->operator);
        free(world->key);
        free(world->manifest);
        free(world);
        return 0;
}

static Run run_hub(const HubWorld *world, const char *const *words)
{
        return run_ctl_words(world->ledger->bus, words);
}

#define run_words(world, ...) run_hub(world, (const char *const[]){ __VA_ARGS__, NULL })
#define SIGNING(world)        "--dir", (world)->operator, "--key", (world)->key
#define run_init(world, ...)                                                                                \
        run_words(world, "hub", "init", "--endpoint", "vps.example.org", SIGNING(world), ##__VA_ARGS__)

static void assert_hub_log(const HubWorld *world, const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, HUB);

        assert_has(log, text);
}

static int world_up(void **state)
{
        world_start(state);
        _cleanup_(run_done) Run run = run_init((HubWorld *) *state);
        assert_int_equal(run.status, 0);
        return 0;
}

static int world_up_empty(void **state)
{
        world_start(state);
        return 0;
}

/* A device uses the invitation: `digits` as Claim() of the fake takes them. */
static void claim(const HubWorld *world, const char *digits)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        sd_bus *client = world->ledger->client;

        assert_ok(sd_bus_message_new_method_call(client, &call, HUB, "/org/devbox/Mesh1", HUB, "Claim"));
        assert_ok(sd_bus_message_append_array(call, 'y', digits, strlen(digits)));
        assert_ok(sd_bus_message_append(call, "s", "203.0.113.7"));
        assert_ok(sd_bus_call(client, call, 0, NULL, &reply));
}

static Run invite(const HubWorld *world)
{
        return run_words(world, "invite", "home-wsl", "--manifest", world->manifest, "--no-wait",
                         SIGNING(world));
}

/* ---- hub init */

static void test_init(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run run = run_init(world);
        assert_int_equal(run.status, 0);
        assert_true(startswith(run.output,
                               "Operator key opened\n"
                               " it is on the hub: whoever takes over this machine can sign, too\n"
                               "Network home, 10.42.0.0/24; the hub is 10.42.0.1\n"
                               "Root 1, signed\n"
                               " fingerprint "));
        assert_has(run.output,
                   "\n compare it on devices before they join; it is no recovery phrase\n"
                   "Ledger the hub's own chain has begun\n"
                   "Services devbox-mesh.service: active\n"
                   " devbox-dispatch.service: active\n"
                   " devbox-ledger.service: active\n"
                   "WireGuard wg0 is up (kernel), UDP port 51820; nothing else is open\n"
                   "Check clock synchronised\n"
                   " open UDP 51820 at your provider; the first invitation tests it from outside\n"
                   "Next: devboxctl invite NAME\n");
        assert_hub_log(world, "ConfigureHub home vps.example.org:51820\nSetRoot 1\n"
                              "StopUnit devbox-api.service\nStartUnit devbox-hub.target\n");
        _cleanup_(run_done) Run root = run_words(world, "operator", "show", "--dir", world->operator);
        assert_has(root.output, "witness");
        assert_int_equal(root.status, 0);

        _cleanup_(run_done) Run again = run_words(world, "hub", "init", SIGNING(world));
        assert_int_equal(again.status, 0);
        assert_has(again.output, "Operator key is here already: ");
        assert_has(again.output, "the hub is 10.42.0.1 (already so)\nRoot 1, is here already\n");
        assert_has(again.output, "Ledger the hub's own chain is there already\n");
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, HUB);
        assert_null(strstr(log, "SetRoot 2"));
        _cleanup_(run_done) Run json = run_words(world, "--json", "hub", "init", SIGNING(world));
        assert_true(startswith(json.output, "{\"network\":\"home\",\"prefix\":\"10.42.0.0/24\",\"address\":"
                                            "\"10.42.0.1\",\"listen_port\":51820,\"state\":\"up\","));
        assert_has(json.output, "\"fingerprint\":\"");
}

/* Every step is done once, whatever came between. */
static void test_init_goes_on_after_a_failure(void **state)
{
        HubWorld *world = *state;

        test_daemon_free(world->hub);
        world->hub = test_daemon_start_full(
                world->ledger->bus,
                &(TestDaemonOptions){ .program = HUB_PROGRAM,
                                      .name = HUB,
                                      .environment = (const char *const[]){ "FAKE_FAIL=SetRoot", NULL } });
        _cleanup_(run_done) Run failed = run_init(world);
        assert_has(failed.output, "Ledger the hub's own chain has begun\n");
        assert_int_equal(failed.status, 1);

        _cleanup_(run_done) Run run = run_init(world);
        assert_int_equal(run.status, 0);
        assert_has(run.output, "Root 1, is here already\n");
        assert_hub_log(world, "SetRoot 1\nStopUnit devbox-api.service\nStartUnit devbox-hub.target\n");
}

static void test_init_rejects(void **state)
{
        HubWorld *world = *state;
        const struct {
                const char *words[8];
                const char *problem;
                int status;
        } rows[] = { {
                { "hub", "init", "--endpoint", "vps", "--dir", world->operator},
                  "the operator's key would be on the hub itself. Better run this on your own machine: ",
                  1 },
                { { "hub", "init", SIGNING(world) }, "hub init needs --endpoint", 2 },
                { { "hub", "init", "--endpoint", "a,,b" }, "--endpoint takes names or addresses", 2 },
                { { "hub", "init", "--endpoint", "a,b,c,d,e" }, "--endpoint takes names or addresses", 2 },
                { { "invite", "home-wsl", SIGNING(world) }, "there is no root at ", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_hub(world, rows[i].words);

                assert_has(run.output, rows[i].problem);
                assert_int_equal(run.status, rows[i].status);
        }
}

/* ---- invite, pending, admit */

#define SUMMARY                                                                                             \
        "home-wsl may\n"                                                                                    \
        " run lsblk, ls on its own\n"                                                                       \
        " read below /srv/home, /home on its own\n"                                                         \
        " write below /srv/home after an approval (message)\n"                                              \
        "for @ana:example.org, for 30 days.\n"

static void test_invite_without_waiting(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run run = invite(world);
        assert_true(startswith(run.output, SUMMARY "\nOn home-wsl, within 10 minutes, once:\n\n"
                                                   " devboxctl enroll and paste:\n\ndevbox1:"));
        assert_has(run.output, "\n████ ▄▄▄▄▄ █"); /* the corner of a QR code */
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
        _cleanup_(run_done) Run invited = invite(world);
        assert_int_equal(invited.status, 0);
        claim(world, "482 913");
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
        assert_has(wrong.output, "not admitted. If the six digits differ, somebody is between the device");
        assert_int_equal(wrong.status, 1);
        _cleanup_(run_done) Run right = run_words(world, "admit", "home-wsl", "--manifest", world->manifest,
                                                  "--digits", "482913", SIGNING(world));
        assert_has(right.output, "manifest signed for this device's key, version 1\n"
                                 "home-wsl is 10.42.0.10, handshake 0.");
        assert_has(right.output, " s ago. See: devboxctl peers\n");
        assert_int_equal(right.status, 0);
        assert_hub_log(world, "Admit home-wsl version 1 for its key\n");
}

/* The invitation was used before: the command goes on where an earlier one ended. */
static void test_invite_compares_digits_on_the_terminal(void **state)
{
        HubWorld *world = *state;
        const char *const words[] = { "invite",        "home-wsl",     "--manifest",
                                      world->manifest, SIGNING(world), NULL };

        _cleanup_(run_done) Run invited = invite(world);
        assert_int_equal(invited.status, 0);
        claim(world, "482 913");
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
                "--bind",     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "--yes",      SIGNING(world),
                NULL
        };

        _cleanup_(test_daemon_freep) TestDaemon *waiting = test_daemon_start_full(
                world->ledger->bus, &(TestDaemonOptions){ .program = "src/ctl/devboxctl",
                                                          .name = "waiting",
                                                          .arguments = words,
                                                          .no_wait = true });
        test_bus_wait_log(world->ledger->bus, "waiting", "waiting for home-wsl …");
        claim(world, "bound");
        assert_int_equal(test_daemon_wait(waiting), 0);
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, "waiting");
        assert_has(log, "joined from 203.0.113.7 (Ubuntu 24.04, x86_64)\n");
        assert_has(log, "home-wsl is 10.42.0.10, handshake ");
}

static void test_two_devices_with_one_invitation(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run invited = invite(world);
        assert_int_equal(invited.status, 0);
        claim(world, "held");
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

static void admit_device(HubWorld *world)
{
        _cleanup_(run_done) Run invited = invite(world);
        assert_int_equal(invited.status, 0);
        claim(world, "482 913");
        _cleanup_(run_done) Run run = run_words(world, "admit", "home-wsl", "--manifest", world->manifest,
                                                "--digits", "482 913", SIGNING(world));
        assert_int_equal(run.status, 0);
}

/* It comes back: the manifest that it had is signed again. */
static void test_invite_again_without_a_manifest(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "invite", "home-wsl", "--no-wait", SIGNING(world));
        assert_has(none.output,
                   "the hub keeps no manifest of home-wsl; say what it may do with: --manifest");
        assert_int_equal(none.status, 1);
        admit_device(world);
        _cleanup_(run_done) Run again = run_words(world, "invite", "home-wsl", "--no-wait", SIGNING(world));
        assert_true(startswith(again.output, SUMMARY));
        assert_int_equal(again.status, 0);
}

static void test_invite_the_hub_itself(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *text = strdup(MANIFEST),
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

/* ---- peers */

static void test_peers(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "peers");
        assert_string_equal(none.output, "no devices; add one with: devboxctl invite NAME\n");
        admit_device(world);
        _cleanup_(run_done) Run peers = run_words(world, "peers");
        assert_true(startswith(peers.output, "NAME ADDRESS STATE HANDSHAKE RX TX MANIFEST\n"
                                             "home-wsl 10.42.0.10 online "));
        assert_has(peers.output, " ago 1.2 MiB 800.0 KiB v1, 29 days left\n");
        _cleanup_(run_done) Run json = run_words(world, "peers", "--json");
        assert_true(startswith(json.output,
                               "{\"peers\":[{\"name\":\"home-wsl\",\"address\":\"10.42.0.10\",\"state\":"
                               "\"active\",\"presence\":\"online\",\"last_handshake_at\":\""));

        _cleanup_(run_done) Run show = run_words(world, "peer", "show", "home-wsl");
        assert_has(show.output, "traffic 1.2 MiB received, 800.0 KiB sent\n");
        assert_int_equal(show.status, 0);
        _cleanup_(run_done) Run unknown = run_words(world, "peer", "show", "pc-aurgi");
        assert_has(unknown.output, "devboxctl: no device of this name is enrolled here");
        assert_int_equal(unknown.status, 1);
        _cleanup_(run_done) Run set = run_words(world, "peer", "set", "home-wsl", "--keepalive", "0");
        assert_string_equal(set.output, "");
        assert_hub_log(world, "SetPeer home-wsl keepalive_sec 0\n");
        _cleanup_(run_done) Run nothing = run_words(world, "peer", "set", "home-wsl");
        assert_int_equal(nothing.status, 2);
}

static void test_revoke(void **state)
{
        HubWorld *world = *state;

        admit_device(world);
        _cleanup_(run_done) Run run = run_words(world, "revoke", "home-wsl");
        assert_string_equal(run.output,
                            "home-wsl is out: removed and read back in 4.1 ms; its key can never "
                            "return. Its history stays.\n");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run end = run_words(world, "revoke", "home-wsl", "--tombstone", SIGNING(world));
        assert_has(end.output, "Its end is signed: no manifest can follow.\n");
        assert_hub_log(world, "PublishManifest home-wsl version 2147483647 for its key\n");
        _cleanup_(run_done) Run all = run_words(world, "revoke", "--all");
        assert_string_equal(all.output, "home-wsl is out\npc-aurgi is out\n");
        _cleanup_(run_done) Run json = run_words(world, "revoke", "--all", "--json");
        assert_string_equal(json.output, "{\"revoked\":[\"home-wsl\",\"pc-aurgi\"]}\n");
        _cleanup_(run_done) Run usage = run_words(world, "revoke");
        assert_has(usage.output, "revoke needs the name of a device, or --all");
        assert_int_equal(usage.status, 2);
}

static void test_drift_and_doctor(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "drift");
        assert_string_equal(none.output, "no drift\n");
        _cleanup_(run_done) Run before = run_words(world, "doctor");
        assert_has(before.output,
                   "note udp no device has reached port 51820 yet; open UDP 51820 at your provider");
        admit_device(world);
        _cleanup_(run_done) Run drift = run_words(world, "drift");
        assert_has(drift.output, "allowed-ips home-wsl 10.42.0.0/16 instead of 10.42.0.10/32\n");
        _cleanup_(run_done) Run doctor = run_words(world, "doctor");
        assert_true(startswith(doctor.output, "ok mesh hub of home is up\n"
                                              "ok services devbox-hub.target is active\n"
                                              "ok clock clock synchronised\n"
                                              "ok udp packets arrive on port 51820, the last handshake "));
        assert_has(doctor.output, "\nok mtu 1420\nok wireguard kernel\n");
        _cleanup_(run_done) Run json = run_words(world, "doctor", "--json");
        assert_true(startswith(json.output,
                               "{\"checks\":[{\"check\":\"mesh\",\"state\":\"ok\",\"text\":\"hub of home "
                               "is up\",\"cure\":null},"));
}

static void test_there_is_no_mesh(void **state)
{
        static const char *const words[][4] = { { "peers" }, { "drift" }, { "doctor" }, { "pending" } };
        HubWorld *world = *state;

        assert_int_equal(test_daemon_stop(world->hub), 143);
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_(run_done) Run run = run_hub(world, words[i]);

                assert_string_equal(
                        run.output,
                        "devboxctl: devbox-mesh does not answer; see: systemctl status devbox-mesh\n");
                assert_int_equal(run.status, 1);
        }
}

#define hub_test(function)       cmocka_unit_test_setup_teardown(function, world_up, world_down)
#define hub_test_empty(function) cmocka_unit_test_setup_teardown(function, world_up_empty, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                hub_test_empty(test_init),
                hub_test_empty(test_init_goes_on_after_a_failure),
                hub_test_empty(test_init_rejects),
                hub_test(test_invite_without_waiting),
                hub_test(test_invite_as_json),
                hub_test(test_pending_and_admit),
                hub_test(test_invite_compares_digits_on_the_terminal),
                hub_test(test_invite_waits),
                hub_test(test_two_devices_with_one_invitation),
                hub_test(test_invite_again_without_a_manifest),
                hub_test(test_invite_the_hub_itself),
                hub_test(test_peers),
                hub_test(test_revoke),
                hub_test(test_drift_and_doctor),
                hub_test(test_there_is_no_mesh),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
