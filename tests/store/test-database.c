/* SPDX-License-Identifier: MIT */
/* A database in good and bad worlds: durable, strict, and never half done. */

#include "store/query.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd.h"
#include "fault-vfs.h"
#include "test.h"

static const char *const one[] = { "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT" };
static const char *const two[] = { "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT",
                                   "ALTER TABLE t ADD COLUMN w TEXT" };
static const char *const broken[] = { "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB NOT NULL) STRICT",
                                      "CREATE TABLE u(x INTEGER); SELECT nonsense" };
static const DatabaseSchema version_1 = { 0x54455354, one, ELEMENTSOF(one) };
static const DatabaseSchema version_2 = { 0x54455354, two, ELEMENTSOF(two) };
static const DatabaseSchema version_broken = { 0x54455354, broken, ELEMENTSOF(broken) };
static const DatabaseSchema another = { 0x4f544852, one, ELEMENTSOF(one) };

static char directory[64], path[96];

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(name);
}

static int set_up(void **state)
{
        (void) snprintf(directory, sizeof directory, "/tmp/devbox-store.XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof path, "%s/t.db", directory);
        fault_vfs_arm(FAULT_NONE, 0, 0);
        return 0;
}

static int tear_down(void **state)
{
        fault_vfs_arm(FAULT_NONE, 0, 0);
        return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static Database *open_one(void)
{
        Database *database = NULL;

        assert_ok(database_open(path, DATABASE_OWN, &version_1, &database));
        return database;
}

static int64_t count(Database *database)
{
        int64_t n;

        assert_err(query_integer(database, &n, "SELECT count(*) FROM t", ""), 1);
        return n;
}

/* Adds rows one transaction each; returns the first error, and how many were acknowledged. */
static int add_rows(Database *database, int n, int *ret_done)
{
        static const uint8_t value[3000];
        int r = 0;

        *ret_done = 0;
        for (int i = 0; r == 0 && i < n; i++) {
                _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

                r = transaction_begin(database, &transaction);
                if (r < 0)
                        break;
                r = query_run(database, "INSERT INTO t(v) VALUES(?)", "b", BYTES_OF(value));
                if (r == 0)
                        r = transaction_commit(&transaction);
                if (r == 0)
                        ++*ret_done;
        }

        return r;
}

static void test_values_round_trip(void **state)
{
        _cleanup_(database_closep) Database *database = open_one();
        static const char insert[] = "INSERT INTO t(k, v) VALUES(?, ?)";
        Statement *select = NULL;
        uint8_t wrong[3];

        assert_ok(query_run(database, insert, "ib", INT64_MIN, bytes_of_string("abcd")));
        assert_ok(query_run(database, insert, "ib", INT64_C(7), BYTES_NULL));

        assert_ok(query(database, &select, "SELECT k, v, NULL FROM t ORDER BY k", ""));
        assert_int_equal(assert_ok(statement_step(select)), 1);
        assert_true(statement_integer(select, 0) == INT64_MIN);
        assert_true(bytes_equal(statement_bytes(select, 1), bytes_of_string("abcd")));
        assert_null(statement_text(select, 2));
        assert_err(statement_copy_bytes(select, 1, wrong, sizeof wrong), -EBADMSG);
        assert_int_equal(assert_ok(statement_step(select)), 1);
        assert_int_equal(statement_bytes(select, 1).size, 0);
        assert_int_equal(assert_ok(statement_step(select)), 0);
        assert_int_equal(assert_ok(statement_step(select)), 1); /* from the start */
        statement_reset(select);
}

static void test_constraint_errors(void **state)
{
        _cleanup_(database_closep) Database *database = open_one();
        static const char insert[] = "INSERT INTO t(k, v) VALUES(?, ?)";
        Statement *none;

        for (int i = 0; i < 2; i++)
                assert_err(query_run(database, insert, "ib", INT64_C(1), BYTES_NULL), i == 0 ? 0 : -EEXIST);
        assert_err(query_run(database, insert, "it", INT64_C(2), "a text where bytes belong"), -EEXIST);
        assert_err(query_run(database, insert, "ibi", INT64_C(2), BYTES_NULL, INT64_C(3)), -EIO);
        assert_true(query(database, &none, "SELECT * FROM \"no such\"", "") < 0);
}

static void test_what_is_not_committed_never_was(void **state)
{
        _cleanup_(database_closep) Database *database = open_one();

        {
                _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;

                assert_ok(transaction_begin(database, &transaction));
                assert_ok(database_run(database, "INSERT INTO t(v) VALUES(x'00')"));
                assert_int_equal(count(database), 1);
        }
        assert_int_equal(count(database), 0);
}

static void test_versions(void **state)
{
        _cleanup_(database_closep) Database *database = open_one();
        Database *none = NULL;

        database = database_close(database);
        assert_err(database_open(path, DATABASE_OWN, &another, &none), -EBADMSG);
        assert_true(database_open(path, DATABASE_OWN, &version_broken, &none) < 0);
        assert_ok(database_open(path, DATABASE_OWN, &version_2, &database));
        assert_ok(database_run(database, "INSERT INTO t(v, w) VALUES(x'00', 'w')"));
        database = database_close(database);
        assert_err(database_open(path, DATABASE_OWN, &version_1, &none), -EPROTONOSUPPORT);
        assert_ok(database_open(path, DATABASE_READ, &version_2, &database));
        assert_int_equal(count(database), 1);
        assert_err(database_run(database, "DELETE FROM t"), -EROFS);
        assert_null(none);
}

/* A foreign file for reading: its rows may be anything, but not its tables. */
static void test_other_tables(void **state)
{
        static const struct {
                const char *sql;
                int expected;
        } rows[] = {
                { "ANALYZE", 0 },
                { "CREATE TRIGGER w BEFORE DELETE ON t BEGIN SELECT 1; END", 0 },
                { "CREATE TABLE u(x)", -EBADMSG },
                { "CREATE INDEX i ON t(v)", -EBADMSG },
                { "CREATE VIEW u AS SELECT * FROM t", -EBADMSG },
                { "DROP TABLE t; CREATE TABLE t(k, v BLOB NOT NULL)", -EBADMSG },
                { "DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB AS (zeroblob(9)))", -EBADMSG },
                { "DROP TABLE t", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(database_closep) Database *own = open_one(), *read = NULL;

                assert_ok(database_run(own, rows[i].sql));
                own = database_close(own);
                assert_int_equal(database_open(path, DATABASE_READ, &version_1, &read), rows[i].expected);
                read = database_close(read);
                assert_int_equal(unlink(path), 0);
        }
}

static void test_bad_files(void **state)
{
        static const char garbage[] = "this is no database, but it is long enough to look at: "
                                      "0123456789012345678901234567890123456789012345678901234567890123456";
        char link_path[128];
        Database *none = NULL;

        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(garbage, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_err(database_open(path, DATABASE_OWN, &version_1, &none), -EBADMSG);
        assert_err(database_open(path, DATABASE_READ, &version_1, &none), -EBADMSG);

        (void) snprintf(link_path, sizeof link_path, "%s/link.db", directory);
        assert_int_equal(symlink(path, link_path), 0);
        assert_err(database_open(link_path, DATABASE_OWN, &version_1, &none), -ELOOP);
}

static void test_a_failing_disk_loses_nothing_acknowledged(void **state)
{
        static const struct {
                Fault fault;
                int error;
        } rows[] = { { FAULT_FULL, -ENOSPC }, { FAULT_WRITE, -EIO }, { FAULT_SYNC, -EIO } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (uint64_t at = 1; at < 40; at++) {
                        _cleanup_(database_closep) Database *database = NULL;
                        int done, before;

                        assert_ok(tear_down(NULL));
                        assert_ok(set_up(NULL));
                        database = open_one();
                        assert_ok(add_rows(database, 2, &before));
                        fault_vfs_arm(rows[i].fault, at, 0);
                        assert_err(add_rows(database, 100, &done), rows[i].error);
                        assert_int_equal(count(database), before + done);

                        fault_vfs_arm(FAULT_NONE, 0, 0); /* there is room again */
                        assert_ok(add_rows(database, 1, &before));
                        database = database_close(database);
                        database = open_one();
                        assert_int_equal(count(database), 2 + done + before);
                }
}

/* In a child that is killed at a step; the pipe has the number of rows acknowledged before. */
static int rows_before_death(Fault fault, uint64_t at, int n, bool *ret_survived)
{
        int pipe_fds[2], status, done = 0;
        char byte;

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                Database *database = NULL;
                int ignored;

                fault_vfs_arm(fault, at, at);
                if (database_open(path, DATABASE_OWN, &version_1, &database) < 0)
                        _exit(1);
                while (n-- > 0 && add_rows(database, 1, &ignored) == 0)
                        (void) !write(pipe_fds[1], "", 1);
                (void) database_close(database);
                _exit(0);
        }

        (void) close(pipe_fds[1]);
        while (read(pipe_fds[0], &byte, 1) == 1)
                done++;
        (void) close(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        *ret_survived = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        assert_true(*ret_survived || WIFSIGNALED(status));
        return done;
}

static void test_death_at_any_step_loses_nothing_acknowledged(void **state)
{
        static const Fault faults[] = { FAULT_KILL, FAULT_POWER };

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                bool survived = false;

                for (uint64_t at = 1; !survived; at++) {
                        assert_ok(tear_down(NULL));
                        assert_ok(set_up(NULL));

                        int done = rows_before_death(faults[i], at, 4, &survived);
                        _cleanup_(database_closep) Database *database = open_one();
                        assert_in_range(count(database), done, done + 1);
                }
        }
}

/* Folders may be symbolic links, as /var/lib/devbox on another disk; the file only to be read. */
static void test_symbolic_links(void **state)
{
        static const DatabaseMode modes[] = { DATABASE_OWN, DATABASE_READ, DATABASE_READ_COPY };
        char folder[96], link[96], within[104];
        int done;

        (void) snprintf(folder, sizeof folder, "%s/link", directory);
        (void) snprintf(within, sizeof within, "%s/t.db", folder);
        (void) snprintf(link, sizeof link, "%s/link.db", directory);
        assert_ok(symlink(directory, folder));
        assert_ok(symlink(path, link));
        Database *database = open_one();
        assert_ok(add_rows(database, 1, &done));
        database = database_close(database);

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                assert_ok(database_open(within, modes[i], &version_1, &database));
                assert_int_equal(count(database), 1);
                database = database_close(database);
                assert_err(database_open(link, modes[i], &version_1, &database),
                           modes[i] == DATABASE_OWN ? -ELOOP : 0);
                database = database_close(database);
        }
}

static void test_missing(void **state)
{
        Database *database;
        char nowhere[96];

        (void) snprintf(nowhere, sizeof nowhere, "%s/none/t.db", directory);
        assert_err(database_open(path, DATABASE_READ, &version_1, &database), -ENOENT);
        assert_err(database_open(path, DATABASE_READ_COPY, &version_1, &database), -ENOENT);
        assert_err(database_open(nowhere, DATABASE_OWN, &version_1, &database), -ENOENT);
        assert_err(database_open(directory, DATABASE_OWN, &version_1, &database), -EISDIR);
}

/* ---- copies */

static void copy_file(const char *from, const char *to)
{
        _cleanup_(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
        _cleanup_(fd_closep) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        char bytes[65536];
        ssize_t n;

        assert_true(in >= 0 && out >= 0);
        while ((n = read(in, bytes, sizeof bytes)) > 0)
                assert_int_equal(write(out, bytes, (size_t) n), n);
        assert_int_equal(n, 0);
}

/* Five rows in DIRECTORY/copy/c.db, the last of them in a WAL if there shall be one. */
static void make_copy(bool wal, char folder[static 96], char copy[static 104])
{
        _cleanup_(database_closep) Database *database = open_one();
        char from[104], to[112];
        int done;

        (void) snprintf(folder, 96, "%s/co py%%3f?#", directory);
        (void) snprintf(copy, 104, "%s/c.db", folder);
        assert_ok(mkdir(folder, 0700));
        assert_ok(add_rows(database, 5, &done));
        if (!wal)
                database = database_close(database);
        copy_file(path, copy);
        if (wal) {
                (void) snprintf(from, sizeof from, "%s-wal", path);
                (void) snprintf(to, sizeof to, "%s-wal", copy);
                copy_file(from, to);
        }
}

static int count_files(const char *folder)
{
        DIR *files = opendir(folder);
        int n = 0;

        assert_non_null(files);
        while (readdir(files))
                n++;
        assert_ok(closedir(files));
        return n - 2; /* . and .. */
}

/* In a child with a mount namespace of its own. Exit status: 0, 77 where that is not possible. */
static void read_on_read_only_mount(const char *folder, const char *copy)
{
        Database *database = NULL;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(folder, folder, NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
                _exit(77);
        if (database_open(copy, DATABASE_READ_COPY, &version_1, &database) < 0)
                _exit(1);

        _exit(count(database) == 5 ? 0 : 2);
}

static void test_copy(void **state)
{
        for (int wal = 0; wal <= 1; wal++) {
                char folder[96], copy[104];
                int status;

                assert_ok(tear_down(NULL));
                assert_ok(set_up(NULL));
                make_copy(wal, folder, copy);
                {
                        _cleanup_(database_closep) Database *database = NULL;

                        assert_ok(database_open(copy, DATABASE_READ_COPY, &version_1, &database));
                        assert_int_equal(count(database), 5);
                        assert_int_equal(count_files(folder), 1 + wal);
                        assert_true(database_run(database, "DELETE FROM t") < 0);
                        assert_false(database_has_changed(database));
                }
                assert_int_equal(count_files(folder), 1 + wal);

                pid_t child = fork();
                if (child == 0)
                        read_on_read_only_mount(folder, copy);
                assert_int_equal(waitpid(child, &status, 0), child);
                if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                        skip();
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
}

/* One that is written after all. */
static void test_copy_that_is_none(void **state)
{
        _cleanup_(database_closep) Database *writer = open_one(), *database = NULL;
        int done;

        assert_ok(add_rows(writer, 1, &done));
        writer = database_close(writer);
        assert_ok(database_open(path, DATABASE_READ_COPY, &version_1, &database));
        assert_false(database_has_changed(database));
        writer = open_one();
        assert_ok(add_rows(writer, 1, &done));
        assert_true(database_has_changed(database));
}

int main(void)
{
#define store_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                store_test(test_values_round_trip),
                store_test(test_constraint_errors),
                store_test(test_what_is_not_committed_never_was),
                store_test(test_versions),
                store_test(test_other_tables),
                store_test(test_bad_files),
                store_test(test_symbolic_links),
                store_test(test_missing),
                store_test(test_copy),
                store_test(test_copy_that_is_none),
                store_test(test_a_failing_disk_loses_nothing_acknowledged),
                store_test(test_death_at_any_step_loses_nothing_acknowledged),
        };

        fault_vfs_install();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
