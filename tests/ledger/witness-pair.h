/* SPDX-License-Identifier: MIT */
#pragma once

/* A device and the hub that witnesses it, each a ledger in a directory of its own. */

#include "audit/checkpoint.h"
#include "ledger-world.h"

typedef struct Pair {
        LedgerWorld *device, *hub;
        bool withholds;               /* the device sends no evidence */
        const char *more_evidence[2]; /* that it sends, too */
} Pair;

/* cmocka fixtures: the hub has pinned the device, and has no entry of it yet. */
int pair_up(void **state);
int pair_down(void **state);
#define witness_test(function) cmocka_unit_test_setup_teardown(function, pair_up, pair_down)

/* So many entries more on the device. */
void pair_grow(Pair *pair, int n);

/* The number of entries that the hub has. */
uint64_t pair_seen(Pair *pair);

/* What an auditor finds on the hub is what the hub signed. */
void pair_assert_kept(Pair *pair, const char *cosigned);

/* So many proofs against devices are kept on the hub. */
void pair_assert_proofs(const Pair *pair, int64_t n);

/* Entries, bodies and all, of the device's chain or those that ledger_export() passes to copies_add(). */
typedef struct Copies {
        AuditEntry entries[4096];
        size_t n;
} Copies;

Copies *copies_of(LedgerWorld *device);
int copies_add(const AuditEntry *entry, void *copies);
void copies_free(Copies *copies);

/* Sends the hub the first `size` entries, from those it has on, and the evidence behind them. `ret_cosigned`
 * may be NULL. */
int pair_show(Pair *pair, const Copies *copies, uint64_t size, char **ret_cosigned);
