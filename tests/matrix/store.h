/* SPDX-License-Identifier: MIT */
#pragma once

/* An empty matrix.db in a folder of its own. */

#include "store/database.h"

typedef struct TestStore {
        char directory[32], path[48];
        Database *database;
} TestStore;

void test_store_init(TestStore *store);
void test_store_done(TestStore *store);

/* The approvals have the room !approvals, and Ana can read what is written there. */
void test_store_add_approvals(TestStore *store);

/* Fixture of a test whose state is a TestStore. */
int test_store_up(void **state);
int test_store_down(void **state);
