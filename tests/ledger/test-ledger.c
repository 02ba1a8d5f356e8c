/* SPDX-License-Identifier: MIT */
/* Opening a ledger: its database, also of an earlier version. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/text.h"
#include "ledger-world.h"
#include "ledger/requests.h"

static void test_39_tampering_is_detected_at_start(void **state)
{
        static const char *const rows[] = {
                "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
                "DELETE FROM audit WHERE seq = (SELECT max(seq) - 1 FROM audit)",
                "UPDATE audit SET body = CAST(body || x'20' AS BLOB) WHERE seq = (SELECT max(seq) FROM "
                "audit)",
                "UPDATE audit SET time_ms = time_ms + 1 WHERE seq = (SELECT max(seq) FROM audit)",
                "UPDATE state SET value = zeroblob(16) WHERE key = 'chain_id'",
                "DELETE FROM state WHERE key = 'device'",
                "UPDATE state SET value = '{}' WHERE key = 'root'",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LedgerWorld *world = *state;
                _cleanup_(freep) char *checkpoint = NULL;

                assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
                ledger_world_close(world);
                ledger_world_tamper(world, "DROP TRIGGER audit_no_delete; DROP TRIGGER audit_no_update;");
                ledger_world_tamper(world, rows[i]);
                assert_err(ledger_world_try_open(world, NULL), -EUCLEAN);
                assert_int_equal(ledger_world_down(state), 0);
                assert_int_equal(ledger_world_up(state), 0);
        }
}

/* Each changes the directory of a closed ledger, which is the current one. */

static int expose_key(void)
{
        return chmod("identity", 0644);
}

static int damage_key(void)
{
        return truncate("identity", 5);
}

static int link_key(void)
{
        return rename("identity", "key") < 0 ? -1 : symlink("key", "identity");
}

static int delete_database(void)
{
        return unlink("ledger.db");
}

static int empty_database(void)
{
        return truncate("ledger.db", 0);
}

static int damage_database(void)
{
        return truncate("ledger.db", 5000);
}

static int link_database(void)
{
        return rename("ledger.db", "other.db") < 0 ? -1 : symlink("other.db", "ledger.db");
}

static int block_database(void)
{
        return unlink("ledger.db") < 0 ? -1 : mkdir("ledger.db", 0700);
}

/* The journal has the file, the fault and the command. */
static void test_open_errors(void **state)
{
        static const struct {
                int (*change)(void);
                int error;
                const char *problem; /* %1 is the directory */
        } rows[] = {
                { expose_key, -EPERM,
                  "%/identity: others may read or write it; run: chmod 0600 %/identity" },
                { damage_key, -EINVAL, "%/identity: it is not a key" },
                { link_key, -ELOOP, "%/identity: it is a symbolic link" },
                { delete_database, -ENODATA, "%/ledger.db: it is missing or empty" },
                { empty_database, -ENODATA, "%/ledger.db: it is missing or empty" },
                { damage_database, -EBADMSG, "%/ledger.db: it is damaged" },
                { link_database, -ELOOP, "%/ledger.db: it is a symbolic link" },
                { block_database, -EISDIR, "%/ledger.db: Is a directory" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *problem = NULL;
                _cleanup_(text_done) Text wanted = TEXT_NULL;

                assert_ok(ledger_world_down(state));
                assert_ok(ledger_world_up(state));
                LedgerWorld *world = *state;
                ledger_world_close(world);
                assert_ok(chdir(world->directory));
                assert_ok(rows[i].change());
                assert_ok(chdir("/"));
                for (const char *at = rows[i].problem; *at != '\0'; at++)
                        if (*at == '%')
                                text_append(&wanted, world->directory);
                        else
                                text_append_bytes(&wanted, at, 1);
                assert_err(ledger_world_try_open(world, &problem), rows[i].error);
                if (!startswith(problem, wanted.data))
                        fail_msg("%s: %s", wanted.data, problem);
        }
}

/* The directory may be behind a symbolic link. */
static void test_symbolic_link(void **state)
{
        LedgerWorld *world = *state;
        char real[80];

        ledger_world_close(world);
        (void) snprintf(real, sizeof real, "%s.real", world->directory);
        assert_ok(rename(world->directory, real));
        assert_ok(symlink(real, world->directory));
        ledger_world_open(world);
        ledger_world_close(world);
        assert_ok(unlink(world->directory));
        assert_ok(rename(real, world->directory));
}

static void test_two_processes(void **state)
{
        LedgerWorld *world = *state, second = *world;
        _cleanup_(freep) char *problem = NULL;

        second.ledger = NULL;
        assert_err(ledger_world_try_open(&second, &problem), -EBUSY);
        assert_non_null(strstr(problem, "another process has it open"));
}

/* Rows from before ids belonged to a dispatcher are found by digest and id, and block no dispatcher. */
static void test_requests_of_version_1(void **state)
{
        static const Sha256 digest = { { [0] = 0xaa, [31] = 0xbb } };
        LedgerWorld *world = *state;
        _cleanup_(request_row_done) RequestRow by_digest = { 0 }, by_id = { 0 };
        DatabaseSchema version_1 = ledger_schema;
        Database *database = NULL;
        Requests requests;
        char path[128];

        ledger_world_close(world);
        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_int_equal(unlink(path), 0);
        version_1.n_migrations = 1;
        assert_ok(database_open(path, DATABASE_OWN, &version_1, &database));
        database_close(database);
        ledger_world_tamper(world, "INSERT INTO audit VALUES(0, zeroblob(32), 0, 0, x'00', zeroblob(32));"
                                   "INSERT INTO request VALUES('01K75A3Q000000000000000001',"
                                   " x'aa000000000000000000000000000000000000000000000000000000000000bb',"
                                   " zeroblob(16), 'ls-home', 1, 2, 3, 3, 0, 'a result')");

        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(requests_init(&requests, database, 10));
        assert_int_equal(requests.n, 1);
        assert_int_equal(requests_find(&requests, &digest, &by_digest), 1);
        assert_string_equal(by_digest.result, "a result");
        assert_string_equal(by_digest.entry, "ls-home");
        assert_int_equal(requests_find_id(&requests, "01K75A3Q000000000000000001", &by_id), 1);
        assert_int_equal(requests_ledger.id_used(&requests, key_pair_public(world_key(KEY_DISPATCHER)),
                                                 "01K75A3Q000000000000000001"),
                         0);
        database_close(database);
        assert_int_equal(unlink(path), 0);
}

/* The first entry has a checkpoint immediately; later ones wait for more. */
static void test_when_a_checkpoint_is_due(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *checkpoint = NULL;

        assert_false(ledger_flush_due(world->ledger));
        ledger_world_enroll(world);
        assert_true(ledger_flush_due(world->ledger));
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
        assert_non_null(checkpoint);
        assert_false(ledger_flush_due(world->ledger));
        ledger_world_install(world);
        assert_true(ledger_flush_wanted(world->ledger));
        assert_false(ledger_flush_due(world->ledger));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_39_tampering_is_detected_at_start),
                ledger_test(test_open_errors),
                ledger_test(test_symbolic_link),
                ledger_test(test_two_processes),
                ledger_test(test_requests_of_version_1),
                ledger_test_empty(test_when_a_checkpoint_is_due),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
