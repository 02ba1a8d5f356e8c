/* SPDX-License-Identifier: MIT */
#pragma once

/* The world of the ledger's tests: a bus, a real devbox-ledger with the key of tests/trust/world.h, and
 * documents that are signed now. */

#include "harness.h"
#include "ledger/signed.h"

#define LEDGER         "org.devbox.Ledger1"
#define LEDGER_PATH    "/org/devbox/Ledger1"
#define LEDGER_PROGRAM "src/ledger/devbox-ledger"
#define WORLD_ID       "01K75A3Q000000000000000001" /* of the world's request */

typedef struct LedgerBus {
        TestBus *bus;
        TestDaemon *daemon;
        sd_bus *client;
        Signed made;
        char state_variable[128], ceiling_variable[128], directory[96];
} LedgerBus;

/* cmocka fixtures: not enrolled; enrolled, with the world's manifest and a session. */
int ledger_bus_up_empty(void **state);
int ledger_bus_up(void **state);
int ledger_bus_down(void **state);

#define ledger_test(function) cmocka_unit_test_setup_teardown(function, ledger_bus_up, ledger_bus_down)
#define ledger_test_empty(function)                                                                         \
        cmocka_unit_test_setup_teardown(function, ledger_bus_up_empty, ledger_bus_down)

/* On a bus that is there, with its state in a folder of the bus's directory; no daemon yet. */
void ledger_bus_init(LedgerBus *world, TestBus *bus, const char *folder);

/* The second one can be killed by kill-at.c; the variable is "KILL_AT=PATH". */
TestDaemon *start_ledger(LedgerBus *world, bool no_wait);
TestDaemon *start_mortal_ledger(LedgerBus *world, const char *kill_variable);

/* The key, the ceiling and an empty database. */
void fill_state_directory(const LedgerBus *world);
void write_state_file(const LedgerBus *world, const char *name, const char *text);

/* A call of the interface: new_call(), append, finish_call(), which frees it. `wanted` is the last part of
 * the name of the error that it must end with; NULL: none. The caller unrefs the reply. */
sd_bus_message *new_call(const LedgerBus *world, const char *member);
sd_bus_message *finish_call(sd_bus *client, sd_bus_message *call, const char *wanted);
void call_text(const LedgerBus *world, const char *member, const char *text, const char *wanted);

/* One value of a dictionary as text, in static memory; empty if there is none. */
const char *dictionary_text(sd_bus_message *reply, const char *key);

uint64_t chain_size(const LedgerBus *world);
void enroll(LedgerBus *world, const char *device, const char *wanted);
void begin_session(LedgerBus *world);
void make_ready(LedgerBus *world); /* enrolled, with the world's manifest and a session */
bool is_healthy(const LedgerBus *world);
sd_bus_message *put(const LedgerBus *world, const SignedBundle *bundle);

/* "accepted", "known:STATE" or the reason of a denial, in static memory. */
const char *judge(LedgerBus *world, const Case *given);

/* Reads all of the chain over the bus and walks along it. */
void verify_chain(const LedgerBus *world); /* of dev-a */
void verify_chain_of(const LedgerBus *world, const char *device);
