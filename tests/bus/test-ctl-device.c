/* SPDX-License-Identifier: MIT */
/* devboxctl device against the real ledger. */

#include <stdio.h>
#include <unistd.h>

#include "codec/binary-text.h"
#include "ctl-run.h"
#include "ledger-world.h"

#define SERVICES_PROGRAM "tests/bus/fake-services"

#define run_device(world, ...)                                                                              \
        run_ctl_words((world)->bus, (const char *const[]){ "device", __VA_ARGS__, NULL })

/* The path of a file with this text, in static memory. */
static const char *text_file(const LedgerBus *world, const char *name, const char *text)
{
        static char paths[8][256];
        static unsigned n;
        char *path = paths[n++ % 8];

        write_state_file(world, name, text);
        (void) snprintf(path, sizeof paths[0], "%s/%s", world->directory, name);
        return path;
}

static const char *root_file(LedgerBus *world)
{
        _cleanup_(freep) char *root = signed_root(&world->made);

        return text_file(world, "root.json", root);
}

static void enroll_by_command(LedgerBus *world)
{
        _cleanup_(run_done) Run run = run_device(world, "enroll", "--root", root_file(world), "--name",
                                                 "dev-a", "--chain", CHAIN_ID_HEX);

        assert_has(run.output, "enrolled as dev-a in network ");
        assert_int_equal(run.status, 0);
}

static void test_key(void **state)
{
        LedgerBus *world = *state;
        char hex[HEX_SIZE(PUBLIC_KEY_SIZE) + 1];

        hex_format(BYTES_OF(key_pair_public(world_key(KEY_DEVICE))->bytes), hex);
        _cleanup_(run_done) Run run = run_device(world, "key");
        _cleanup_(run_done) Run json = run_device(world, "key", "--json");
        (void) strcat(hex, "\n");
        assert_string_equal(run.output, hex);
        assert_int_equal(run.status, 0);
        assert_has(json.output, "{\"public\":\"");
        assert_has(json.output, "\"words\":\"");
}

static void test_enroll_and_install(void **state)
{
        LedgerBus *world = *state;

        _cleanup_(run_done) Run none = run_device(world, "status");
        assert_has(none.output, "problem not enrolled; run: devboxctl device enroll\n");
        assert_int_equal(none.status, 1);

        enroll_by_command(world);
        enroll_by_command(world); /* the same again changes nothing */
        _cleanup_(run_done) Run enrolled = run_device(world, "status");
        assert_has(enrolled.output, "device dev-a\n");
        assert_has(enrolled.output, "chain " CHAIN_ID_HEX ", ");
        assert_has(enrolled.output, "problem no manifest; run: devboxctl device install FILE\n");
        assert_int_equal(enrolled.status, 1);

        _cleanup_(freep) char *manifest = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);
        const char *path = text_file(world, "m.json", manifest);
        _cleanup_(run_done) Run installed = run_device(world, "install", root_file(world), path);
        assert_has(installed.output, "root.json: root ");
        assert_has(installed.output, "m.json: manifest version ");
        assert_has(installed.output, " is in force\n");
        assert_int_equal(installed.status, 0);
        _cleanup_(run_done) Run again = run_device(world, "install", path);
        assert_has(again.output, " is confirmed\n");
        _cleanup_(run_done) Run object = run_device(world, "install", root_file(world), path, "--json");
        assert_true(startswith(object.output, "{\"installed\":[{\"file\":\""));
        assert_has(object.output, "\"type\":\"root\",\"version\":1},{");
        assert_has(object.output, "\"type\":\"manifest\",\"epoch\":1,\"version\":7,\"unchanged\":true,"
                                  "\"gap\":false}]}\n");

        _cleanup_(run_done) Run obeys = run_device(world, "status");
        assert_has(obeys.output, "manifest version ");
        assert_null(strstr(obeys.output, "problem"));
        assert_int_equal(obeys.status, 0);
        _cleanup_(run_done) Run json = run_device(world, "status", "--json");
        assert_has(json.output, "{\"device\":\"dev-a\",\"key\":\"");
        assert_has(json.output, "\"in_force\":true");
        assert_has(json.output, "\"problem\":null}");
}

static void test_enroll_with_a_random_chain(void **state)
{
        LedgerBus *world = *state;
        const char *root = root_file(world);

        _cleanup_(run_done) Run run = run_device(world, "enroll", "--root", root, "--name", "dev-a");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run again =
                run_device(world, "enroll", "--root", root, "--name", "dev-a", "--json");
        assert_has(again.output, "{\"device\":\"dev-a\",\"chain_id\":\"");
        assert_has(again.output, ",\"root_version\":1,\"root_sha256\":\"");
        assert_int_equal(again.status, 0);
        _cleanup_(run_done) Run other = run_device(world, "enroll", "--root", root, "--name", "dev-b");
        assert_has(other.output, "enrolled already, under another name, chain or root");
        assert_int_equal(other.status, 1);
}

static void test_what_is_not_installed(void **state)
{
        LedgerBus *world = *state;

        _cleanup_(freep) char *forged = signed_manifest(&world->made, NULL, 0, KEY_DISPATCHER);
        const struct {
                const char *path, *shown;
        } rows[] = {
                { text_file(world, "text", "hello\n"),
                  "text is not signed; a manifest in YAML is signed with: " },
                { text_file(world, "forged.json", forged), "forged.json: manifest_invalid_signature" },
                { "/nonexistent", "cannot read /nonexistent" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run = run_device(world, "install", rows[i].path);

                assert_has(run.output, rows[i].shown);
                assert_int_equal(run.status, 1);
        }
}

static void test_a_ceiling_is_explained(void **state)
{
        LedgerBus *world = *state;
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);
        const char *path = text_file(world, "m.json", manifest);

        write_state_file(world, "ceiling.yaml", "v: 1\n");
        test_daemon_signal(world->daemon, SIGHUP);
        test_bus_wait_log(world->bus, LEDGER, "read again");
        _cleanup_(run_done) Run run = run_device(world, "install", path);
        assert_has(run.output, "m.json: ");
        assert_has(run.output, "ceiling");
        assert_has(run.output, "devboxctl manifest ceiling --print");
        assert_has(run.output, "devboxctl device reload\n");
        assert_int_equal(run.status, 1);
}

/* It ends with what the ledger found, and reloads systemd if that is valid. */
static void test_reload(void **state)
{
        LedgerBus *world = *state;

        _cleanup_(run_done) Run alone = run_device(world, "reload");
        assert_has(alone.output, "systemd rejects Reload: ");
        assert_int_equal(alone.status, 1);
        _cleanup_(test_daemon_freep) TestDaemon *services =
                test_daemon_start(world->bus, SERVICES_PROGRAM, "org.freedesktop.systemd1");
        _cleanup_(run_done) Run good = run_device(world, "reload");
        assert_string_equal(good.output, "");
        assert_int_equal(good.status, 0);
        _cleanup_(run_done) Run object = run_device(world, "reload", "--json");
        assert_string_equal(object.output, "{\"reloaded\":true}\n");

        write_state_file(world, "ceiling.yaml", "v: 1\nprograms: bash\n");
        _cleanup_(run_done) Run ceiling = run_device(world, "reload");
        assert_has(ceiling.output, "ceiling.yaml:2: programs must be a list");
        assert_int_equal(ceiling.status, 1);

        test_bus_write_config(world->bus, "ledger:\n  trust: true\n");
        _cleanup_(run_done) Run config = run_device(world, "reload");
        assert_has(config.output, "config.yaml:2: unknown key 'trust'");
        assert_int_equal(config.status, 1);
}

static void test_accept_clock(void **state)
{
        LedgerBus *world = *state;

        _cleanup_(run_done) Run run = run_device(world, "accept-clock");
        assert_string_equal(run.output, "");
        assert_int_equal(run.status, 0);
        _cleanup_(run_done) Run object = run_device(world, "accept-clock", "--json");
        assert_string_equal(object.output, "{\"accepted\":true}\n");
}

static void test_usage(void **state)
{
        static const char *const rows[][6] = {
                { "enroll" },
                { "enroll", "--name", "x" },
                { "enroll", "--root", "x", "--name", "Not-A-Name" },
                { "enroll", "--root", "x", "--chain", "00" },
                { "install" },
                { "status", "x" },
        };
        LedgerBus *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(run_done) Run run =
                        run_device(world, rows[i][0], rows[i][1], rows[i][2], rows[i][3], rows[i][4]);

                assert_int_equal(run.status, 2);
        }
}

/* The ledger runs and is not healthy: its key is not the one that its chain names. */
static void test_health_of_a_ledger_with_another_key(void **state)
{
        LedgerBus *world = *state;
        char seed[HEX_SIZE(KEY_SEED_SIZE)];

        assert_int_equal(test_daemon_stop(world->daemon), 0);
        test_daemon_free(world->daemon);
        hex_format(secret_bytes(key_pair_seed(world_key(KEY_MANIFEST))), seed);
        write_state_file(world, "identity", seed);
        world->daemon = start_ledger(world, false);

        _cleanup_(run_done) Run health = run_ctl_words(world->bus, (const char *const[]){ "health", NULL });
        assert_has(health.output, "ledger running it cannot act: ");
        assert_int_equal(health.status, 1);
        _cleanup_(run_done) Run status = run_device(world, "status");
        assert_has(status.output, "problem the chain knows another key");
        assert_int_equal(status.status, 1);
}

static void test_without_a_ledger(void **state)
{
        LedgerBus *world = *state;

        assert_int_equal(test_daemon_stop(world->daemon), 0);
        _cleanup_(run_done) Run run = run_device(world, "status");
        assert_string_equal(run.output, "devboxctl: devbox-ledger does not answer; see: systemctl status "
                                        "devbox-ledger\n");
        assert_int_equal(run.status, 1);
        _cleanup_(run_done) Run reload = run_device(world, "reload");
        assert_has(reload.output, "devbox-ledger does not answer; ");
        assert_int_equal(reload.status, 1);
}

/* Without a readable database, the ledger is called. */
static bool another_ledger_is_here(void)
{
        return access("/var/lib/devbox/ledger/ledger.db", F_OK) == 0;
}

static void test_audit_of_a_running_ledger(void **state)
{
        static const char *const verify[] = { "audit", "verify", NULL };
        static const char *const show[] = { "audit", "show", "-n", "2", NULL };
        static const char *const other[] = { "audit", "show", "--device", "dev-b", NULL };
        LedgerBus *world = *state;

        if (another_ledger_is_here())
                skip();
        _cleanup_(run_done) Run verified = run_ctl_words(world->bus, verify);
        assert_has(verified.output, "dev-a: ");
        assert_null(strstr(verified.output, "BROKEN"));
        _cleanup_(run_done) Run shown = run_ctl_words(world->bus, show);
        assert_has(shown.output, " genesis ");
        assert_has(shown.output, " enroll ");
        assert_int_equal(shown.status, 0);
        _cleanup_(run_done) Run none = run_ctl_words(world->bus, other);
        assert_has(none.output, "there is no chain at ");
        assert_int_equal(none.status, 1);
}

static void test_tail_of_a_running_ledger(void **state)
{
        static const char *const words[] = { "audit", "tail", "-f", NULL };
        LedgerBus *world = *state;

        if (another_ledger_is_here())
                skip();
        _cleanup_(test_daemon_freep) TestDaemon *tail =
                test_daemon_start_full(world->bus, &(TestDaemonOptions){ .program = "src/ctl/devboxctl",
                                                                         .name = "tail",
                                                                         .arguments = words,
                                                                         .no_wait = true });
        test_bus_wait_log(world->bus, "tail", " session ");
        for (int i = 0; i < 3; i++)
                begin_session(world);

        char wanted[32];
        (void) snprintf(wanted, sizeof wanted, "%llu ", (unsigned long long) chain_size(world) - 1);
        test_bus_wait_log(world->bus, "tail", wanted);
        assert_int_equal(tail->pid > 0, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test_empty(test_key),
                ledger_test_empty(test_enroll_and_install),
                ledger_test_empty(test_enroll_with_a_random_chain),
                ledger_test(test_what_is_not_installed),
                ledger_test(test_a_ceiling_is_explained),
                ledger_test(test_reload),
                ledger_test(test_accept_clock),
                ledger_test(test_usage),
                ledger_test(test_health_of_a_ledger_with_another_key),
                ledger_test_empty(test_without_a_ledger),
                ledger_test(test_audit_of_a_running_ledger),
                ledger_test(test_tail_of_a_running_ledger),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
