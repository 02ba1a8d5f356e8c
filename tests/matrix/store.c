/* SPDX-License-Identifier: MIT */
/* An empty matrix.db for a test. */

#include "store.h"

#include <stdio.h>
#include <unistd.h>

#include "matrix/schema.h"
#include "test.h"

void test_store_init(TestStore *store)
{
        (void) snprintf(store->directory, sizeof store->directory, "/tmp/devbox-matrix.XXXXXX");
        assert_non_null(mkdtemp(store->directory));
        (void) snprintf(store->path, sizeof store->path, "%s/matrix.db", store->directory);
        assert_ok(matrix_database_open(store->path, &store->database));
}

void test_store_done(TestStore *store)
{
        store->database = database_close(store->database);
        (void) unlink(store->path);
        (void) rmdir(store->directory);
}

int test_store_up(void **state)
{
        TestStore *store = calloc(1, sizeof *store);

        assert_non_null(store);
        test_store_init(store);
        *state = store;
        return 0;
}

int test_store_down(void **state)
{
        test_store_done(*state);
        free(*state);
        return 0;
}
