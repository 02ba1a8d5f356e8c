/* SPDX-License-Identifier: MIT */
/* The world of an operator's commands. */

#include "hub-world.h"

#include "files.h"

#define SEED "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

const char hub_world_manifest[] =
        "device: home-wsl\n"
        "dev_pub: ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c\n"
        "operators: [{mxid: \"@ana:example.org\"}]\n"
        "approvers: [{mxid: \"@ana:example.org\"}]\n"
        "dispatchers: [{pub: 8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394,\n"
        "               not_after: 30d}]\n"
        "attesters: [{pub: ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1,\n"
        "             not_after: 30d}]\n"
        "roots: [{name: home, path: /home}, {name: share, path: /srv/home}]\n"
        "capabilities:\n"
        "  - {name: shell.exec, id: ls, approval: none, bin: /usr/bin/lsblk, argv: []}\n"
        "  - {name: shell.exec, id: ls2, approval: none, bin: /usr/bin/ls, argv: []}\n"
        "  - {name: shell.exec, id: ls3, approval: none, bin: /usr/bin/ls, argv: [-l]}\n"
        "  - {name: fs.read, id: read, approval: none, roots: [share, home]}\n"
        "  - {name: fs.write, id: write, approval: message, roots: [share]}\n";

static void start(void **state)
{
        HubWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        assert_int_equal(ledger_bus_up_empty((void **) &world->ledger), 0);
        world->operator= text_of("%s/operator", world->ledger->directory);
        world->key = text_of("%s/seed", world->ledger->directory);
        world->manifest = text_of("%s/home-wsl.yaml", world->ledger->directory);
        write_state_file(world->ledger, "seed", SEED);
        write_state_file(world->ledger, "home-wsl.yaml", hub_world_manifest);
        world->hub = test_daemon_start(world->ledger->bus, HUB_PROGRAM, HUB);
        *state = world;
}

int hub_world_down(void **state)
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

void assert_hub_log(const HubWorld *world, const char *text)
{
        _cleanup_(freep) char *log = test_bus_read_log(world->ledger->bus, HUB);

        assert_has(log, text);
}

int hub_world_up(void **state)
{
        start(state);
        _cleanup_(run_done) Run run = run_init((HubWorld *) *state);
        assert_int_equal(run.status, 0);
        return 0;
}

int hub_world_up_empty(void **state)
{
        start(state);
        return 0;
}

void hub_world_claim(const HubWorld *world, const char *digits)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        sd_bus *client = world->ledger->client;

        assert_ok(sd_bus_message_new_method_call(client, &call, HUB, "/org/devbox/Mesh1", HUB, "Claim"));
        assert_ok(sd_bus_message_append_array(call, 'y', digits, strlen(digits)));
        assert_ok(sd_bus_message_append(call, "s", "203.0.113.7"));
        assert_ok(sd_bus_call(client, call, 0, NULL, &reply));
}

Run hub_world_invite(const HubWorld *world)
{
        return run_words(world, "invite", "home-wsl", "--manifest", world->manifest, "--no-wait",
                         SIGNING(world));
}

void hub_world_admit(const HubWorld *world)
{
        _cleanup_(run_done) Run invited = hub_world_invite(world);
        assert_int_equal(invited.status, 0);
        hub_world_claim(world, "482 913");
        _cleanup_(run_done) Run run = run_words(world, "admit", "home-wsl", "--manifest", world->manifest,
                                                "--digits", "482 913", SIGNING(world));
        assert_int_equal(run.status, 0);
}
