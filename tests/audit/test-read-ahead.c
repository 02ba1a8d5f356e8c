/* SPDX-License-Identifier: MIT */
/* A chain that is read ahead: nothing is lost between the batches, and it ends where it must. */

#include "audit/read-ahead.h"

#include <stdio.h>
#include <unistd.h>

#include "audit/export.h"
#include "basic/file.h"
#include "test.h"

#define MANY 5000

static const ChainIdentity identity = { "dev-a", { "0123456789abcdef" } };
static char path[64];

/* A file of `n` entries with bodies of this size; the one with the number `bad` is changed. */
static void write_chain(size_t n, size_t body_size, size_t bad)
{
        _cleanup_(text_done) Text text = TEXT_NULL;
        _cleanup_(freep) char *body = malloc(body_size);
        AuditEntry entry;
        ChainCursor walk;

        assert_non_null(body);
        memset(body, 'x', body_size);
        audit_write_head(AUDIT_FORM_BINARY, &identity, &text);
        chain_cursor_begin(&walk, &identity.chain, identity.device);
        for (size_t i = 0; i < n; i++) {
                chain_cursor_append(&walk, i == 0 ? AUDIT_GENESIS : AUDIT_SESSION, 1760000000000 + i,
                                    BYTES(body, body_size), &entry);
                entry.hash.bytes[0] ^= i == bad;
                audit_write_entry(AUDIT_FORM_BINARY, &entry, &text);
        }

        (void) snprintf(path, sizeof path, "/tmp/devbox-ahead-%d", (int) getpid());
        assert_ok(text.error);
        assert_ok(file_write(path, FILE_REPLACE, 0600, BYTES(text.data, text.size)));
}

/* Reads until nothing comes; returns how many entries did, and the last fault. */
static size_t read_all(size_t body_size, size_t at_most, int *ret_fault)
{
        _cleanup_(audit_reader_freep) AuditReader *source = NULL;
        _cleanup_(audit_ahead_endp) AuditAhead *ahead = NULL;
        AuditEntry entry;
        int fault = 0;
        size_t n = 0;

        assert_ok(audit_reader_open(path, NULL, &source));
        assert_ok(audit_ahead_begin(source, &ahead));
        while (n < at_most && audit_ahead_next(ahead, &entry, &fault) == AUDIT_NEXT_ENTRY) {
                assert_int_equal(entry.seq, n++);
                assert_int_equal(entry.body.size, fault ? 0 : body_size);
                for (size_t i = 0; i < entry.body.size; i += 1000)
                        assert_int_equal(entry.body.data[i], 'x');
        }

        *ret_fault = fault;
        return n;
}

static void test_all_of_it(void **state)
{
        static const struct {
                size_t n, body_size;
        } rows[] = { { 1, 10 },   { 511, 10 },  { 512, 10 },           { 513, 10 },
                     { 1024, 0 }, { MANY, 10 }, { 20, AUDIT_BODY_MAX } };
        int fault;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                write_chain(rows[i].n, rows[i].body_size, SIZE_MAX);
                assert_int_equal(read_all(rows[i].body_size, SIZE_MAX, &fault), rows[i].n);
                assert_int_equal(fault, 0);
        }
}

static void test_a_fault_is_the_last(void **state)
{
        static const size_t bad[] = { 0, 1, 511, 512, 513, 1023, 1024, MANY - 1 };
        int fault;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                write_chain(MANY, 10, bad[i]);
                assert_int_equal(read_all(10, SIZE_MAX, &fault), bad[i] + 1);
                assert_int_equal(fault, AUDIT_FAULT_HASH);
        }
}

/* Whoever has heard enough ends it, wherever the reader is. */
static void test_stop(void **state)
{
        int fault;

        write_chain(MANY, 10, SIZE_MAX);
        for (size_t n = 0; n < 2000; n += 97)
                assert_int_equal(read_all(10, n, &fault), n);
}

static int remove_file(void **state)
{
        (void) unlink(path);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_it),
                cmocka_unit_test(test_a_fault_is_the_last),
                cmocka_unit_test(test_stop),
        };

        return cmocka_run_group_tests(tests, NULL, remove_file);
}
