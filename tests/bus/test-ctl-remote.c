/* SPDX-License-Identifier: MIT */
/* The verbs of an operator, from a machine that is not the hub: devboxctl -H. The keys stay there. */

#include <fcntl.h>
#include <stdio.h>

#include "basic/fd.h"
#include "files.h"
#include "hub-world.h"

#define HOST "ana@hub"

static int up(void **state)
{
        assert_int_equal(hub_world_up_empty(state), 0);
        ctl_run_use_ssh(((HubWorld *) *state)->ledger->bus, HOST);
        return 0;
}

static int down(void **state)
{
        ctl_run_use_ssh(((HubWorld *) *state)->ledger->bus, NULL);
        return hub_world_down(state);
}

#define run_remote(world, ...) run_words(world, "-H", HOST, __VA_ARGS__)

static void assert_run(Run take_run, const char *part)
{
        _cleanup_(run_done) Run run = take_run;

        assert_has(run.output, part);
        assert_int_equal(run.status, 0);
}

static void test_from_init_to_revoke(void **state)
{
        HubWorld *world = *state;

        _cleanup_(run_done) Run init =
                run_remote(world, "hub", "init", "--endpoint", "vps.example.org", SIGNING(world));
        assert_has(init.output, "Next: devboxctl -H ana@hub invite NAME --manifest FILE\n");
        assert_null(strstr(init.output, "it is on the hub"));
        assert_int_equal(init.status, 0);
        assert_run(run_remote(world, "invite", "home-wsl", "--manifest", world->manifest, "--no-wait",
                              SIGNING(world)),
                   "Next: devboxctl -H ana@hub pending, then: devboxctl -H ana@hub admit home-wsl\n");
        hub_world_claim(world, "482 913");
        assert_run(run_remote(world, "pending"), "then: devboxctl -H ana@hub admit NAME\n");
        assert_run(run_remote(world, "admit", "home-wsl", "--manifest", world->manifest, "--digits",
                              "482 913", SIGNING(world)),
                   "home-wsl is 10.42.0.10, handshake ");
        assert_run(run_remote(world, "person", "add", "ben", "--local", "ben"),
                   "Manifests change with: devboxctl -H ana@hub manifest publish --all\n");
        assert_run(run_remote(world, "peers"), "home-wsl 10.42.0.10 online ");
        assert_run(run_remote(world, "peer", "set", "home-wsl", "--keepalive", "0"), "");
        assert_run(run_remote(world, "drift"), "allowed-ips home-wsl ");
        assert_run(run_remote(world, "manifest", "publish", "home-wsl", "--yes", SIGNING(world)),
                   "home-wsl");
        assert_run(run_remote(world, "revoke", "home-wsl", "--tombstone", SIGNING(world)),
                   "home-wsl is out: removed and read back in ");
        assert_hub_log(world, "ConfigureHub home vps.example.org:51820\nSetRoot 1\n");
        assert_hub_log(world, "Revoke home-wsl\n");

        /* What is only of the machine where it is typed is not said of the hub. */
        _cleanup_(run_done) Run doctor = run_remote(world, "doctor");
        assert_has(doctor.output, "\nok wireguard kernel\n");
        assert_null(strstr(doctor.output, " mtu "));
}

static void test_no_key_leaves(void **state)
{
        static const uint8_t seed[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
        HubWorld *world = *state;
        _cleanup_(freep) char *path = text_of("%s/ssh-sent", world->ledger->bus->directory), *sent = NULL;
        size_t size;

        assert_run(run_remote(world, "hub", "init", "--endpoint", "vps.example.org", SIGNING(world)),
                   "Root");
        assert_run(run_remote(world, "invite", "home-wsl", "--manifest", world->manifest, "--no-wait",
                              SIGNING(world)),
                   "devbox1:");
        assert_ok(fd_read_file_at(AT_FDCWD, path, 1 << 20, &sent, &size));
        assert_non_null(
                memmem(sent, size, "vps.example.org", strlen("vps.example.org"))); /* it does search */
        assert_null(memmem(sent, size, seed, sizeof seed));
        assert_null(memmem(sent, size, "0102030405060708", 16));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_from_init_to_revoke, up, down),
                cmocka_unit_test_setup_teardown(test_no_key_leaves, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
