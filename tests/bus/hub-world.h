/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of an operator's commands: a fake hub, the real ledger, and a manifest for home-wsl. */

#include "ctl-run.h"
#include "ledger-world.h"

#define HUB         "org.devbox.Mesh1"
#define HUB_PROGRAM "tests/bus/fake-hub"

extern const char hub_world_manifest[];

typedef struct HubWorld {
        LedgerBus *ledger;
        TestDaemon *hub;
        char *operator, * key, *manifest; /* paths */
} HubWorld;

/* cmocka fixtures: after hub init, or before. */
int hub_world_up(void **state);
int hub_world_up_empty(void **state);
int hub_world_down(void **state);

#define hub_test(function) cmocka_unit_test_setup_teardown(function, hub_world_up, hub_world_down)
#define hub_test_empty(function)                                                                            \
        cmocka_unit_test_setup_teardown(function, hub_world_up_empty, hub_world_down)

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })
#define SIGNING(world)        "--dir", (world)->operator, "--key", (world)->key
#define run_init(world, ...)                                                                                \
        run_words(world, "hub", "init", "--endpoint", "vps.example.org", SIGNING(world), ##__VA_ARGS__)

/* The log of the fake hub must have this. */
void assert_hub_log(const HubWorld *world, const char *text);

/* A device uses the invitation: `digits` as Claim() of the fake takes them. */
void hub_world_claim(const HubWorld *world, const char *digits);

/* Prints an invitation of home-wsl; makes it a device. */
Run hub_world_invite(const HubWorld *world);
void hub_world_admit(const HubWorld *world);
