/* SPDX-License-Identifier: MIT */
/* Verification: every way to tamper with an exported chain must be detected. */

#include "audit-chain.h"

#include <stdio.h>
#include <unistd.h>

#include "audit/body.h"
#include "audit/export.h"
#include "audit/ledger-database.h"
#include "basic/file.h"
#include "codec/binary-text.h"
#include "trust/world.h"

#define CUTS 1000

static int add_checkpoint(void *userdata, const char *envelope)
{
        return audit_verifier_add_checkpoint(userdata, envelope);
}

static const AuditForm forms[] = { AUDIT_FORM_JSON, AUDIT_FORM_BINARY };

static void test_complete_chain(void **state)
{
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[390], KEY_DEVICE, true);
        size_t size;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_(freep) char *bytes = chain_export(forms[i], chain.entries, ENTRIES, &size);
                AuditReport report = chain_verify(bytes, size, checkpoint, true);

                assert_int_equal(report.outcome, AUDIT_OK);
                assert_int_equal(report.size, ENTRIES);
                assert_int_equal(report.witnessed, 390);
                assert_memory_equal(&report.head, &chain.at[ENTRIES].head, sizeof report.head);
        }
}

static void test_unwitnessed(void **state)
{
        _cleanup_(freep) char *by_device = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_DEVICE, false);
        _cleanup_(freep) char *by_both = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_DEVICE, true);
        _cleanup_(freep) char *by_stranger = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_STRANGER, false);
        size_t size;
        _cleanup_(freep) char *bytes = chain_export(AUDIT_FORM_JSON, chain.entries, ENTRIES, &size);

        assert_int_equal(chain_verify(bytes, size, NULL, true).outcome, AUDIT_UNWITNESSED);
        assert_int_equal(chain_verify(bytes, size, by_device, true).outcome, AUDIT_UNWITNESSED);
        assert_int_equal(chain_verify(bytes, size, by_both, false).outcome, AUDIT_UNWITNESSED);

        AuditReport report = chain_verify(bytes, size, by_stranger, true);
        assert_int_equal(report.outcome, AUDIT_UNWITNESSED);
        assert_int_equal(report.n_ignored, 1);
}

/* A witness alone, or beside a key that is not the device's, neither confirms nor contradicts a chain. */
static void test_witness_without_evidence(void **state)
{
        Checkpoint other_head = chain.at[300], other_chain = chain.at[300], beyond = chain.at[300];
        const Checkpoint *const rows[] = { &chain.at[300], &other_head, &other_chain, &beyond };
        size_t size;
        _cleanup_(freep) char *bytes = chain_export(AUDIT_FORM_JSON, chain.entries, ENTRIES, &size);

        other_head.head.bytes[0] ^= 1;
        other_chain.chain.bytes[0] ^= 1;
        beyond.size = ENTRIES + 1;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (WorldKey by = 0; by < _KEY_MAX; by++) {
                        _cleanup_(freep) char *checkpoint =
                                chain_sign_checkpoint(rows[i], by == KEY_DEVICE ? KEY_WITNESS : by, true);
                        AuditReport report = chain_verify(bytes, size, checkpoint, true);

                        assert_int_equal(report.outcome, AUDIT_UNWITNESSED);
                        assert_int_equal(report.witnessed, 0);
                        assert_int_equal(report.n_ignored, 1);
                }
}

/* Two witnessed checkpoints: a good one, and a second whose signature of the device may be another's. */
static AuditReport verify_two(const Checkpoint *second, WorldKey by)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        _cleanup_(freep) char *good = chain_sign_checkpoint(&chain.at[10], KEY_DEVICE, true);
        _cleanup_(freep) char *other = chain_sign_checkpoint(second, by, true);
        AuditReport report;
        size_t size;
        _cleanup_(freep) char *bytes = chain_export(AUDIT_FORM_JSON, chain.entries, ENTRIES, &size);

        assert_ok(file_write(chain.path, FILE_REPLACE, 0600, BYTES(bytes, size)));
        assert_ok(audit_reader_open(chain.path, NULL, &reader));
        assert_ok(audit_verifier_new(audit_reader_identity(reader),
                                     &(AuditMeans){ .roots = chain.roots, .n_roots = 1 }, &verifier));
        assert_ok(audit_verifier_add_checkpoint(verifier, good));
        assert_ok(audit_verifier_add_checkpoint(verifier, other));
        assert_ok(audit_verify(verifier, reader, &report));
        return report;
}

/* A witness with a longer or another history, under a key of the device that the chain does not name,
 * as when it was cut before it adopted that key: no proof against the device, but the chain is not OK. */
static void test_witness_of_another_key(void **state)
{
        Checkpoint other_head = chain.at[300], other_chain = chain.at[300], beyond = chain.at[300];
        const struct {
                const Checkpoint *checkpoint;
                AuditOutcome device, stranger;
        } rows[] = {
                { &chain.at[300], AUDIT_OK, AUDIT_OK },
                { &other_head, AUDIT_FORK, AUDIT_UNWITNESSED },
                { &other_chain, AUDIT_FORK, AUDIT_UNWITNESSED },
                { &beyond, AUDIT_TRUNCATED, AUDIT_UNWITNESSED },
        };

        other_head.head.bytes[0] ^= 1;
        other_chain.chain.bytes[0] ^= 1;
        beyond.size = ENTRIES + 1;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(verify_two(rows[i].checkpoint, KEY_DEVICE).outcome, rows[i].device);
                assert_int_equal(verify_two(rows[i].checkpoint, KEY_STRANGER).outcome, rows[i].stranger);
        }
}

/* A bit of every byte of some entries and of the head: no change passes. */
static void test_each_byte(void **state)
{
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[5], KEY_DEVICE, true);
        size_t size, n = 0;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                _cleanup_(freep) char *bytes = chain_export(forms[i], chain.entries, 5, &size);

                for (size_t at = 0; at < size; at++) {
                        char kept = bytes[at];

                        bytes[at] = (char) (kept ^ (1 << at % 8));
                        AuditReport report = chain_verify(bytes, size, checkpoint, true);
                        if (report.outcome != AUDIT_BROKEN && report.outcome != AUDIT_TRUNCATED)
                                fail_msg("byte %zu: %s", at, audit_outcome_name(report.outcome));
                        bytes[at] = kept;
                        n++;
                }
        }

        assert_true(n > 2000);
}

typedef struct Tamper {
        const char *what;
        void (*change)(AuditEntry *entries, size_t *n);
        uint64_t bad;
} Tamper;

static void change_seq(AuditEntry *entries, size_t *n)
{
        entries[57].seq = 58;
}

static void change_time(AuditEntry *entries, size_t *n)
{
        entries[57].time_ms++;
}

static void change_type(AuditEntry *entries, size_t *n)
{
        entries[57].type = AUDIT_SESSION;
}

static void change_prev(AuditEntry *entries, size_t *n)
{
        entries[57].prev.bytes[0] ^= 1;
}

static void change_hash(AuditEntry *entries, size_t *n)
{
        entries[57].hash.bytes[31] ^= 0x80;
}

static void change_body(AuditEntry *entries, size_t *n)
{
        entries[57].body = entries[60].body;
}

static void swap_two(AuditEntry *entries, size_t *n)
{
        AuditEntry kept = entries[57];

        entries[57] = entries[58];
        entries[58] = kept;
}

static void leave_out(AuditEntry *entries, size_t *n)
{
        memmove(&entries[57], &entries[58], (--*n - 57) * sizeof *entries);
}

static void double_one(AuditEntry *entries, size_t *n)
{
        entries[58] = entries[57];
}

static void cut_the_head(AuditEntry *entries, size_t *n)
{
        memmove(entries, &entries[3], (*n -= 3) * sizeof *entries);
}

/* The hash is recomputed, but not those that follow. */
static void change_and_rehash(AuditEntry *entries, size_t *n)
{
        entries[57].time_ms++;
        audit_hash(&chain_identity.chain, &entries[57], &entries[57].hash);
}

static void test_tampering(void **state)
{
        static const Tamper rows[] = {
                { "number", change_seq, 57 },
                { "time", change_time, 57 },
                { "type", change_type, 57 },
                { "previous hash", change_prev, 57 },
                { "hash", change_hash, 57 },
                { "body", change_body, 57 },
                { "order", swap_two, 57 },
                { "left out", leave_out, 57 },
                { "doubled", double_one, 58 },
                { "without the beginning", cut_the_head, 0 },
                { "rehashed", change_and_rehash, 58 },
        };
        _cleanup_(freep) AuditEntry *entries = malloc(sizeof chain.entries);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t k = 0; k < ELEMENTSOF(forms); k++) {
                        size_t n = ENTRIES, size;

                        memcpy(entries, chain.entries, sizeof chain.entries);
                        rows[i].change(entries, &n);
                        _cleanup_(freep) char *bytes = chain_export(forms[k], entries, n, &size);
                        AuditReport report = chain_verify(bytes, size, NULL, true);
                        if (report.outcome != AUDIT_BROKEN || report.at != rows[i].bad)
                                fail_msg("%s: %s at %d", rows[i].what, audit_outcome_name(report.outcome),
                                         (int) report.at);
                }
}

/* Another history with valid hashes: only an earlier checkpoint shows it. */
static void test_rewritten_history(void **state)
{
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[300], KEY_DEVICE, true);
        _cleanup_(freep) AuditEntry *entries = malloc(sizeof chain.entries);
        ChainCursor cursor;
        size_t size;

        memcpy(entries, chain.entries, sizeof chain.entries);
        chain_cursor_resume(&cursor, &chain_identity.chain, 200, &chain.at[200].head);
        for (size_t i = 200; i < ENTRIES; i++)
                chain_cursor_append(&cursor, (uint16_t) chain_type_at(i), 1760000000001 + i, entries[i].body,
                                    &entries[i]);

        _cleanup_(freep) char *rewritten = chain_export(AUDIT_FORM_JSON, entries, ENTRIES, &size);
        AuditReport report = chain_verify(rewritten, size, checkpoint, true);
        assert_int_equal(report.outcome, AUDIT_FORK);
        assert_int_equal(report.at, 300);
        assert_int_equal(chain_verify(rewritten, size, NULL, true).outcome, AUDIT_UNWITNESSED);
}

static void test_another_chain(void **state)
{
        static const uint64_t sizes[] = { 10, ENTRIES, ENTRIES + 10 };
        size_t size;
        _cleanup_(freep) char *bytes = chain_export(AUDIT_FORM_JSON, chain.entries, ENTRIES, &size);

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                Checkpoint other = chain.at[10];

                other.size = sizes[i];
                other.chain.bytes[0] ^= 1;
                _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&other, KEY_DEVICE, true);
                assert_int_equal(chain_verify(bytes, size, checkpoint, true).outcome, AUDIT_FORK);
        }
}

/* Deterministic: xorshift. */
static uint32_t random_below(uint32_t *seed, uint32_t n)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed % n;
}

/* The end is cut off anywhere before the checkpoint, also within an entry. */
static void test_truncations(void **state)
{
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_DEVICE, true);
        uint32_t seed = 20261122;

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                size_t size, head_size;
                _cleanup_(freep) char *bytes = chain_export(forms[i], chain.entries, ENTRIES, &size);
                _cleanup_(freep) char *head = chain_export(forms[i], chain.entries, 1, &head_size);

                for (int cut = 0; cut < CUTS / 2; cut++) {
                        size_t kept = head_size + random_below(&seed, (uint32_t) (size - head_size));
                        AuditReport report = chain_verify(bytes, kept, checkpoint, true);

                        if (report.outcome != AUDIT_TRUNCATED || report.at != ENTRIES)
                                fail_msg("cut to %zu of %zu: %s", kept, size,
                                         audit_outcome_name(report.outcome));
                }
        }
}

/* ---- roots */

/* The witnessed chain, verified with these roots. */
static AuditReport verify_by(const AuditRoot *roots, size_t n_roots)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_DEVICE, true);
        AuditReport report;
        size_t size;
        _cleanup_(freep) char *bytes = chain_export(AUDIT_FORM_JSON, chain.entries, ENTRIES, &size);

        assert_ok(file_write(chain.path, FILE_REPLACE, 0600, BYTES(bytes, size)));
        assert_ok(audit_reader_open(chain.path, NULL, &reader));
        assert_ok(audit_verifier_new(audit_reader_identity(reader),
                                     &(AuditMeans){ .roots = roots, .n_roots = n_roots }, &verifier));
        assert_ok(audit_verifier_add_checkpoint(verifier, checkpoint));
        assert_ok(audit_verify(verifier, reader, &report));
        return report;
}

/* The witness is in root 1 only; root 2 has another. */
static void test_retired_witness(void **state)
{
        Root next = *chain.root;
        PublicKey other = *key_pair_public(world_key(KEY_STRANGER));

        next.version = 2;
        next.roles[ROOT_ROLE_WITNESS].keys.items = &other;
        const AuditRoot roots[] = { chain.roots[0], { .version = 2, .digest = { { 9 } }, .root = &next } };
        AuditReport report = verify_by(roots, 2);
        assert_int_equal(report.outcome, AUDIT_UNWITNESSED);
        assert_int_equal(report.retired, ENTRIES);
        assert_int_equal(report.witnessed, 0);
        assert_non_null(strstr(report.why, "retired"));
}

/* With a root that the auditor does not hold the chain is UNWITNESSED; another root of a version that they
 * hold makes it BROKEN. */
static void test_missing_root(void **state)
{
        Root next = *chain.root;
        AuditRoot given = { .version = 2, .digest = { { 9 } }, .root = &next };

        next.version = 2;
        AuditReport report = verify_by(&given, 1);
        assert_int_equal(report.outcome, AUDIT_UNWITNESSED);
        assert_int_equal(report.n_unknown_roots, 1);
        assert_int_equal(report.witnessed, ENTRIES);
        assert_non_null(strstr(report.why, "roots that the auditor"));

        given.version = 1;
        report = verify_by(&given, 1);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.at, 1);
        assert_int_equal(verify_by(chain.roots, 1).outcome, AUDIT_OK);
}

/* ---- a hub's database with the chain of a device */

static void insert(Database *database, const char *sql, const AuditEntry *entry)
{
        assert_ok(query_run(database, sql, "ibiibb", (int64_t) entry->seq, BYTES_OF(entry->prev.bytes),
                            (int64_t) entry->time_ms, (int64_t) entry->type, entry->body,
                            BYTES_OF(entry->hash.bytes)));
}

static Database *make_database(const char *path, const char *checkpoint)
{
        static const char state[] = "INSERT INTO state VALUES('device', 'hub'), "
                                    "('chain_id', x'30313233343536373839616263646566')";
        static const char replica[] = "INSERT INTO replica(device, chain_id, device_key, head, checkpoint) "
                                      "VALUES('dev-a', x'30313233343536373839616263646566', zeroblob(32), "
                                      "zeroblob(32), ?)";
        _cleanup_(transaction_done) Transaction transaction = TRANSACTION_NULL;
        Database *database;

        assert_ok(database_open(path, DATABASE_OWN, &ledger_schema, &database));
        assert_ok(transaction_begin(database, &transaction));
        assert_ok(database_run(database, state));
        assert_ok(query_run(database, replica, "t", checkpoint));
        for (size_t i = 0; i < ENTRIES; i++)
                insert(database, "INSERT INTO replica_audit VALUES('dev-a', ?, ?, ?, ?, ?, ?)",
                       &chain.entries[i]);
        assert_ok(transaction_commit(&transaction));
        return database;
}

static AuditReport verify_database(const char *path)
{
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        _cleanup_(audit_verifier_freep) AuditVerifier *verifier = NULL;
        AuditReport report;

        assert_ok(audit_reader_open(path, "dev-a", &reader));
        assert_ok(audit_verifier_new(audit_reader_identity(reader),
                                     &(AuditMeans){ .roots = chain.roots,
                                                    .n_roots = 1,
                                                    .may_be_empty = audit_reader_is_replica(reader) },
                                     &verifier));
        assert_ok(audit_reader_checkpoints(reader, add_checkpoint, verifier));
        assert_ok(audit_verify(verifier, reader, &report));
        return report;
}

static int count_device(void *userdata, const char *device)
{
        assert_string_equal(device, *(int *) userdata == 0 ? "hub" : "dev-a");
        (*(int *) userdata)++;
        return 0;
}

/* Names go to terminals and into the heads of exports. */
static void assert_names_are_checked(const char *path, Database *database)
{
        AuditReader *reader;

        assert_ok(database_run(database,
                               "UPDATE state SET value = char(27) || '[2Jhub' WHERE key = 'device';"
                               "UPDATE replica SET device = '\"}' || char(10)"));
        assert_err(audit_reader_open(path, NULL, &reader), -EBADMSG);
        assert_err(audit_reader_open(path, "\"}\n", &reader), -EBADMSG);
}

static void test_database(void **state)
{
        static const char *const tails[] = { "", "-wal", "-shm" };
        _cleanup_(freep) char *checkpoint = chain_sign_checkpoint(&chain.at[ENTRIES], KEY_DEVICE, true);
        _cleanup_(audit_reader_freep) AuditReader *reader = NULL;
        char path[96], name[104];
        int n = 0;

        (void) snprintf(path, sizeof path, "%s.db", chain.path);
        _cleanup_(database_closep) Database *database = make_database(path, checkpoint);

        assert_int_equal(verify_database(path).outcome, AUDIT_OK);
        assert_ok(audit_reader_devices(path, count_device, &n));
        assert_int_equal(n, 2);
        assert_err(audit_reader_open(path, "dev-b", &reader), -ESRCH);

        assert_ok(database_run(database, "UPDATE replica_audit SET time_ms = time_ms + 1 WHERE seq = 57"));
        AuditReport report = verify_database(path);
        assert_int_equal(report.outcome, AUDIT_BROKEN);
        assert_int_equal(report.at, 57);
        assert_ok(database_run(database, "UPDATE replica_audit SET time_ms = time_ms - 1 WHERE seq = 57"));
        assert_ok(database_run(database, "DELETE FROM replica_audit WHERE seq >= 399"));
        report = verify_database(path);
        assert_int_equal(report.outcome, AUDIT_TRUNCATED);
        assert_int_equal(report.at, ENTRIES);
        assert_int_equal(report.size, 399);
        assert_ok(database_run(database, "DELETE FROM replica_audit WHERE seq = 0"));
        assert_int_equal(verify_database(path).outcome, AUDIT_BROKEN);
        assert_ok(database_run(database, "DELETE FROM replica_audit"));
        assert_names_are_checked(path, database);

        for (size_t i = 0; i < ELEMENTSOF(tails); i++) {
                (void) snprintf(name, sizeof name, "%s%s", path, tails[i]);
                (void) unlink(name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_complete_chain),
                cmocka_unit_test(test_unwitnessed),
                cmocka_unit_test(test_witness_without_evidence),
                cmocka_unit_test(test_witness_of_another_key),
                cmocka_unit_test(test_each_byte),
                cmocka_unit_test(test_tampering),
                cmocka_unit_test(test_rewritten_history),
                cmocka_unit_test(test_another_chain),
                cmocka_unit_test(test_truncations),
                cmocka_unit_test(test_retired_witness),
                cmocka_unit_test(test_missing_root),
                cmocka_unit_test(test_database),
        };

        return cmocka_run_group_tests(tests, chain_make, chain_free);
}
