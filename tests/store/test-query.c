/* SPDX-License-Identifier: MIT */
/* Statements by their text. */

#include "store/query.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

static const char *const migrations[] = { "CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER, b BLOB) STRICT" };
static const DatabaseSchema schema = { 0x54455354, migrations, ELEMENTSOF(migrations) };

static void test_values_and_rows(void **state)
{
        char directory[] = "/tmp/devbox-query.XXXXXX", path[64];
        _cleanup_(database_closep) Database *database = NULL;
        _cleanup_(freep) char *text = NULL;
        Statement *rows = NULL;
        int64_t value = -1;

        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof path, "%s/t.db", directory);
        assert_ok(database_open(path, DATABASE_OWN, &schema, &database));

        for (int64_t i = 0; i < 3; i++)
                assert_ok(query_run(database, "INSERT INTO t(k, n, b) VALUES (?, ?, ?)", "tib",
                                    (const char *[]){ "a", "b", "c" }[i], i, BYTES("xyz", (size_t) i)));
        assert_ok(query_run(database, "INSERT INTO t(k, n) VALUES ('null', ?)", "t", NULL));
        assert_err(query_run(database, "INSERT INTO t(k) VALUES (?)", "t", "a"), -EEXIST);

        assert_err(query_integer(database, &value, "SELECT n FROM t WHERE k = ?", "t", "c"), 1);
        assert_int_equal(value, 2);
        assert_err(query_integer(database, &value, "SELECT n FROM t WHERE k = ?", "t", "null"), 0);
        assert_err(query_integer(database, &value, "SELECT n FROM t WHERE k = ?", "t", "none"), 0);
        assert_int_equal(value, 2);
        assert_err(query_text(database, &text, "SELECT k FROM t WHERE n = ?", "i", INT64_C(1)), 1);
        assert_string_equal(text, "b");

        assert_ok(query(database, &rows, "SELECT b FROM t WHERE n >= ? ORDER BY n", "i", INT64_C(1)));
        assert_err(statement_step(rows), 1);
        assert_int_equal(statement_bytes(rows, 0).size, 1);
        assert_err(statement_step(rows), 1);
        assert_int_equal(statement_bytes(rows, 0).size, 2);
        assert_err(statement_step(rows), 0);
        assert_err(query_run(database, "SELECT k FROM nowhere", ""), -EIO);

        database = database_close(database);
        for (size_t i = 0; i < 3; i++) {
                (void) snprintf(path, sizeof path, "%s/t.db%s", directory,
                                (const char *[]){ "", "-wal", "-shm" }[i]);
                (void) unlink(path);
        }
        assert_ok(rmdir(directory));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values_and_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
