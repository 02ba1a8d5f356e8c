/* SPDX-License-Identifier: MIT */
#pragma once

/* A ledger in a directory of its own, with the device's key of tests/trust/world.h and a clock that the test
 * sets. */

#include "codec/binary-text.h"
#include "ledger/enroll.h"
#include "ledger/request.h"
#include "ledger/witness.h"
#include "signed.h"

/* A worker that got a permit: see worker-stub.h. */
typedef struct WorkerStub {
        char request[HEX_SIZE(SHA256_SIZE)]; /* as the test named it */
        Secret *end_key;
        Sha256 digest;
} WorkerStub;

typedef struct LedgerWorld {
        char directory[64];
        char ceiling[96]; /* a file in it */
        LedgerTime time;
        uint64_t tick_ms; /* by which the clock moves on whenever it is read */
        uint64_t requests_max;
        Ledger *ledger;
        Signed made;
        const char *agent;    /* requests are accepted for; NULL: none */
        WorkerStub stubs[16]; /* the last ones */
        size_t n_stubs;       /* of all */
} LedgerWorld;

/* cmocka fixtures: enrolled, with the world's manifest and a session; without any of that. */
int ledger_world_up(void **state);
int ledger_world_up_empty(void **state);
int ledger_world_down(void **state);

#define ledger_test(function) cmocka_unit_test_setup_teardown(function, ledger_world_up, ledger_world_down)
#define ledger_test_empty(function)                                                                         \
        cmocka_unit_test_setup_teardown(function, ledger_world_up_empty, ledger_world_down)

/* `ret_problem` may be NULL. */
int ledger_world_try_open(LedgerWorld *world, char **ret_problem);
void ledger_world_open(LedgerWorld *world);
void ledger_world_close(LedgerWorld *world);

/* Of a closed ledger: its identity. */
void ledger_world_set_key(const LedgerWorld *world, WorldKey key);

void ledger_world_write_ceiling(const LedgerWorld *world, const char *yaml);

/* Steps of the set-up, each of which must succeed. */
void ledger_world_enroll(LedgerWorld *world);
void ledger_world_install(LedgerWorld *world);
void ledger_world_begin_session(LedgerWorld *world);

/* Submits the bundle to the ledger. The caller releases the answer. */
void ledger_world_put(LedgerWorld *world, const SignedBundle *bundle, LedgerAnswer *ret_answer);

/* Signs and submits the case; returns the reason of its denial, or 0. */
int ledger_world_judge(LedgerWorld *world, const Case *given);

uint64_t ledger_world_size(const LedgerWorld *world);

/* The body of an entry, from the end: 1 is the last. The caller frees it. */
char *ledger_world_entry(LedgerWorld *world, uint64_t from_end, uint16_t *ret_type);

/* Walks all of the chain from its beginning; fails the test where it does not hold together. */
void ledger_world_verify(LedgerWorld *world);

/* Of a closed ledger: copies its database; restores that copy. */
void ledger_world_save(const LedgerWorld *world);
void ledger_world_restore(const LedgerWorld *world);

/* Runs SQL on the closed database, behind the ledger's back; the number that a query finds there. */
void ledger_world_tamper(const LedgerWorld *world, const char *sql);
int64_t ledger_world_query(const LedgerWorld *world, const char *sql);
