/* SPDX-License-Identifier: MIT */
/* A database from before keeps what is in it. */

#include "matrix/schema.h"

#include <stdio.h>
#include <unistd.h>

#include "matrix/approval.h"
#include "matrix/upload.h"
#include "store.h"
#include "store/query.h"
#include "test.h"

/* A new database, as that version of the schema made it. */
static Database *open_version(size_t version, const TestStore *store, char ret_path[static 64])
{
        DatabaseSchema schema = matrix_schema;
        Database *database = NULL;

        (void) snprintf(ret_path, 64, "%s/old.db", store->directory);
        schema.n_migrations = version;
        assert_ok(database_open(ret_path, DATABASE_OWN, &schema, &database));
        return database;
}

static void test_version_2(void **state)
{
        char path[64], rest[8];
        int64_t n = 0;
        size_t size = 0;

        _cleanup_(database_closep) Database *database = open_version(2, *state, path);
        assert_ok(database_run(database, "INSERT INTO chat_room(kind, name, alias, closed)"
                                         " VALUES (2, 'home', 'dev-home', 1);"));
        assert_ok(database_run(database, "INSERT INTO command(event_id, room_id, sender, line, received_ms,"
                                         " state) VALUES ('$1', '!r:x', '@ana:x', '!help', 1, 0)"));
        assert_ok(database_run(database, "INSERT INTO parked(event_id, room_id, session_id, sender, event,"
                                         " parked_ms) VALUES ('$2', '!r:x', 's', '@ana:x', '{}', 1)"));
        assert_ok(database_run(database, "INSERT INTO alert(key, room_id) VALUES ('drift:home:1', '!r:x'),"
                                         " ('stale:home', '!r:x')"));
        assert_ok(database_run(database, "INSERT INTO upload(room_id, content, cipher)"
                                         " VALUES ('!r:x', '{}', x'616263');"));
        database = database_close(database);

        assert_ok(matrix_database_open(path, &database));
        assert_int_equal(query_integer(database, &n,
                                       "SELECT count(*) FROM chat_room, command, parked WHERE unlink IS NULL"
                                       " AND helped IS NULL AND pin IS NULL AND pinned IS NULL"
                                       " AND lacking_ms IS NULL"
                                       " AND NOT taken_back AND NOT for_device",
                                       ""),
                         1);
        assert_int_equal(n, 1);
        assert_err(query_exists(database, "SELECT 1 FROM alert WHERE over = (key = 'stale:home')", ""), 0);
        assert_err(upload_next(database, 1, &n, &size), 1);
        assert_int_equal(size, 3);
        assert_err((int) upload_read(database, n, 1, rest, sizeof rest), 2);
        assert_memory_equal(rest, "bc", 2);
        database = database_close(database);
        assert_int_equal(unlink(path), 0);
}

/* A request that was announced before tiers were stored: whether a thumb up would do is not known. */
static void test_version_9(void **state)
{
        char path[64];
        int64_t n = 0;

        _cleanup_(database_closep) Database *database = open_version(9, *state, path);
        assert_ok(database_run(database, "INSERT INTO approval(request_id, room_id) VALUES"
                                         " ('01JDQ0000000000000007KQ2PD', '!r:x'),"
                                         " ('01JDQ0000000000000007KQ2PE', '!r:x')"));
        assert_ok(database_run(database, "INSERT INTO decision(reaction_id, request_id, user_id, approve)"
                                         " VALUES ('$1', '01JDQ0000000000000007KQ2PD', '@ana:x', 1)"));
        database = database_close(database);

        assert_ok(matrix_database_open(path, &database));
        assert_int_equal(assert_ok(approval_has_decision(database, "01JDQ0000000000000007KQ2PD")), 1);
        assert_ok(approval_sent(database, "01JDQ0000000000000007KQ2PE", "$message"));
        assert_int_equal(assert_ok(query_integer(database, &n, "SELECT count(*) FROM outbox", "")), 1);
        assert_int_equal(n, 1);
        assert_ok(approval_thumb_sent(database, "01JDQ0000000000000007KQ2PE", "$down"));
        assert_ok(approval_close(database, "01JDQ0000000000000007KQ2PE", "done"));
        assert_int_equal(
                assert_ok(query_exists(
                        database,
                        "SELECT 1 FROM outbox WHERE type = 'm.room.redaction' AND target = '$down'", "")),
                1);
        database = database_close(database);
        assert_int_equal(unlink(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_version_2, test_store_up, test_store_down),
                cmocka_unit_test_setup_teardown(test_version_9, test_store_up, test_store_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
