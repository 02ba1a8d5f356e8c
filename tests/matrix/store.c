/* SPDX-License-Identifier: MIT */
/* An empty matrix.db for a test. */

#include "store.h"

#include <stdio.h>
#include <unistd.h>

#include "matrix/room-queue.h"
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

void test_store_add_approvals(TestStore *store)
{
        static const char *const statements[] = {
                "UPDATE chat_room SET room_id = '!approvals' WHERE kind = 1",
                "INSERT INTO chat_member(room, user_id, state) SELECT id, '@ana:x', 1 FROM chat_room"
                " WHERE kind = 1",
                "INSERT INTO room(room_id, encrypted) VALUES ('!approvals', 1)",
                "INSERT INTO member(room_id, user_id, membership) VALUES ('!approvals', '@ana:x', 'join')",
                "INSERT INTO identity(user_id, master, pinned, dirty) VALUES ('@ana:x', 'M', 'M', 0)",
        };

        assert_ok(room_queue_want(store->database, ROOM_APPROVALS, ""));
        for (size_t i = 0; i < ELEMENTSOF(statements); i++)
                assert_ok(database_run(store->database, statements[i]));
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
