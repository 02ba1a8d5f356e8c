/* SPDX-License-Identifier: MIT */
/* devboxctl hub init, peers, revoke, drift and doctor. */

#include "ctl/client.h"
#include "files.h"
#include "hub-world.h"

/* ---- hub init */

/* A bus closes a connection that has not authenticated within 30 s: a person may choose a passphrase for
 * longer before the first call. */
static void test_a_connection_is_authenticated(void **state)
{
        const HubWorld *world = *state;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(freep) char *problem = NULL;

        assert_ok(setenv("DBUS_SYSTEM_BUS_ADDRESS", world->ledger->bus->address, 1));
        assert_int_equal(client_open(NULL, &bus, &problem), 0);
        assert_int_equal(sd_bus_is_ready(bus), 1);
        assert_ok(unsetenv("DBUS_SYSTEM_BUS_ADDRESS"));
}

/* The word after a text in each of two outputs. */
static void assert_same_words(const char *a, const char *before_a, const char *b, const char *before_b)
{
        const char *first = strstr(a, before_a), *second = strstr(b, before_b);

        assert_non_null(first);
        assert_non_null(second);
        first += strlen(before_a);
        second += strlen(before_b);
        assert_int_equal(strcspn(first, "\n"), 35);
        assert_memory_equal(first, second, 35);
}

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
                   "Next: devboxctl invite NAME --manifest FILE\n");
        assert_hub_log(world, "ConfigureHub home vps.example.org:51820\nSetRoot 1\n"
                              "StopUnit devbox-api.service\nStartUnit devbox-hub.target\n");
        _cleanup_(run_done) Run root = run_words(world, "operator", "show", "--dir", world->operator);
        assert_has(root.output, "witness");
        assert_same_words(run.output, " fingerprint ", root.output, "\nwords ");
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

/* Devices reach the hub at the port on which it listens, unless the endpoint has another one. */
static void test_init_with_a_port(void **state)
{
        static const struct {
                const char *endpoint, *port, *wanted;
        } rows[] = {
                { "vps.example.org", "--port=443", "ConfigureHub home vps.example.org:443\n" },
                { "other", NULL, "ConfigureHub home other:443\n" }, /* what is not given stays */
                { "2001:db8::1", NULL, "ConfigureHub home [2001:db8::1]:443\n" },
                { "[2001:db8::2]", NULL, "ConfigureHub home [2001:db8::2]:443\n" },
                { "[2001:db8::1]:99", NULL, "ConfigureHub home [2001:db8::1]:99\n" },
                { "192.0.2.1:99", NULL, "ConfigureHub home 192.0.2.1:99\n" },
        };
        HubWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_words(world, "hub", "init", SIGNING(world), "--endpoint",
                                                        rows[i].endpoint, rows[i].port);
                assert_int_equal(run.status, 0);
                assert_has(run.output, "UDP port 443;");
                assert_hub_log(world, rows[i].wanted);
        }
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

static void test_numbers_out_of_range(void **state)
{
        HubWorld *world = *state;
        static const struct {
                const char *words[8], *problem;
        } rows[] = {
                { { "peer", "set", "home-wsl", "--keepalive", "99999" },
                  "--keepalive takes seconds, at most 65535, or 0 for none, not '99999'" },
                { { "invite", "x", "--keepalive", "65536" }, "--keepalive takes seconds, at most 65535" },
                { { "run", "--timeout", "99999", "home-wsl", "ls" },
                  "--timeout takes seconds, at most 3600, not '99999'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_ctl_words(world->ledger->bus, rows[i].words);
                assert_has(run.output, rows[i].problem);
                assert_int_equal(run.status, 2);
        }
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
                { { "invite", "home-wsl", SIGNING(world) },
                  "this machine is no hub yet; run: devboxctl hub init ",
                  1 },
                { { "matrix", "login", "@devbox:example.org" }, "this machine is no hub yet; run: ", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_ctl_words(world->ledger->bus, rows[i].words);

                assert_has(run.output, rows[i].problem);
                assert_int_equal(run.status, rows[i].status);
        }

        _cleanup_(run_done) Run doctor = run_words(world, "doctor");
        assert_has(doctor.output, "\nok addresses not in use\n");
}

/* ---- peers */

static void test_peers(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run none = run_words(world, "peers");
        assert_string_equal(none.output,
                            "no devices; on the hub of a network, add one with: devboxctl invite NAME\n");
        hub_world_admit(world);
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

static void test_capabilities(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run unknown = run_words(world, "capabilities", "home-wsl");
        assert_has(unknown.output, "devboxctl: no device of this name is enrolled here");
        assert_int_equal(unknown.status, 1);
        hub_world_admit(world);
        _cleanup_(run_done) Run run = run_words(world, "capabilities", "home-wsl");
        assert_true(startswith(run.output, "home-wsl, version 1 of epoch 1, until "));
        assert_has(run.output, "\nls3 shell.exec none /usr/bin/ls -l devboxctl run home-wsl ls -l\n");
        assert_has(run.output, "\nwrite fs.write message share devboxctl run home-wsl --write "
                               "/srv/home/FILE < FILE\n");
        _cleanup_(run_done) Run json = run_words(world, "capabilities", "home-wsl", "--json");
        assert_true(startswith(json.output, "{\"device\":\"home-wsl\",\"epoch\":1,\"version\":1,"));
        assert_has(json.output, "{\"id\":\"read\",\"capability\":\"fs.read\",\"approval\":\"none\","
                                "\"approval_count\":0,\"allows\":\"share, home\",\"example\":"
                                "\"devboxctl run home-wsl --read /srv/home/FILE\"}");
}

/* Of the device that is online; the other one is not asked. */
static void test_containers(void **state)
{
        HubWorld *world = *state;
        _cleanup_(freep) char *manifest =
                text_of("%s  - {name: docker.list, id: list, approval: none}\n", hub_world_manifest);

        write_state_file(world->ledger, "home-wsl.yaml", hub_world_manifest);
        hub_world_admit(world);
        _cleanup_(run_done) Run none = run_words(world, "containers");
        assert_string_equal(none.output, "no containers\n");
        _cleanup_(run_done) Run not_offered = run_words(world, "containers", "home-wsl");
        assert_has(not_offered.output, "the manifest of home-wsl offers no docker.list");
        assert_int_equal(not_offered.status, 1);

        write_state_file(world->ledger, "home-wsl.yaml", manifest);
        hub_world_admit(world);
        _cleanup_(run_done) Run all = run_words(world, "containers");
        assert_string_equal(all.output, "DEVICE CONTAINER STATE IMAGE STATUS\n"
                                        "home-wsl web running nginx:1 Up 2 hours\n"
                                        "home-wsl db exited postgres\n");
        _cleanup_(run_done) Run json = run_words(world, "containers", "home-wsl", "--json");
        assert_string_equal(json.output,
                            "{\"containers\":[{\"device\":\"home-wsl\",\"name\":\"web\",\"state\":"
                            "\"running\",\"image\":\"nginx:1\",\"status\":\"Up 2 hours\"},{\"device\":"
                            "\"home-wsl\",\"name\":\"db\",\"state\":\"exited\",\"image\":\"postgres\","
                            "\"status\":\"\"}]}\n");
        _cleanup_(run_done) Run unknown = run_words(world, "containers", "pc-aurgi");
        assert_has(unknown.output, "no device of this name is enrolled here");
}

static void test_revoke(void **state)
{
        HubWorld *world = *state;

        hub_world_admit(world);
        _cleanup_(run_done) Run run = run_words(world, "revoke", "home-wsl");
        assert_string_equal(run.output,
                            "home-wsl is out: removed and read back in 4.1 ms; its key can never "
                            "return. Its history stays.\n");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run shown = run_words(world, "capabilities", "home-wsl");
        assert_has(shown.output, "home-wsl was revoked; it comes back with: devboxctl invite home-wsl\n");
        assert_int_equal(shown.status, 1);
        _cleanup_(run_done) Run publish =
                run_words(world, "manifest", "publish", "home-wsl", SIGNING(world));
        assert_has(publish.output, "home-wsl was revoked; it comes back with: devboxctl invite home-wsl\n");
        assert_int_equal(publish.status, 1);
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
        hub_world_admit(world);
        _cleanup_(run_done) Run drift = run_words(world, "drift");
        assert_has(drift.output, "allowed-ips home-wsl 10.42.0.0/16 instead of 10.42.0.10/32\n");
        _cleanup_(run_done) Run doctor = run_words(world, "doctor");
        assert_true(startswith(doctor.output, "ok mesh hub of home is up\n"
                                              "ok services devbox-hub.target is active\n"
                                              "ok clock clock synchronised\n"
                                              "ok udp packets arrive on port 51820, the last handshake "));
        assert_has(doctor.output, "\nok wireguard kernel\nok mtu ");
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
                _cleanup_(run_done) Run run = run_ctl_words(world->ledger->bus, words[i]);

                assert_string_equal(
                        run.output,
                        "devboxctl: devbox-mesh does not answer; see: systemctl status devbox-mesh\n");
                assert_int_equal(run.status, 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                hub_test_empty(test_a_connection_is_authenticated),
                hub_test_empty(test_init),
                hub_test_empty(test_init_with_a_port),
                hub_test_empty(test_init_goes_on_after_a_failure),
                hub_test_empty(test_numbers_out_of_range),
                hub_test_empty(test_init_rejects),
                hub_test(test_peers),
                hub_test(test_capabilities),
                hub_test(test_containers),
                hub_test(test_revoke),
                hub_test(test_drift_and_doctor),
                hub_test(test_there_is_no_mesh),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
