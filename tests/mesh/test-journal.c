/* SPDX-License-Identifier: MIT */
/* The revocation journal: what was acknowledged is there after any crash, and a torn entry hides no other.
 */

#include "mesh/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "basic/file.h"
#include "test.h"

typedef struct Fixture {
        char path[48];
        int directory;
} Fixture;

static int setup(void **state)
{
        Fixture *fixture = calloc(1, sizeof *fixture);

        assert_non_null(fixture);
        (void) snprintf(fixture->path, sizeof fixture->path, "/tmp/devbox-journal-XXXXXX");
        assert_non_null(mkdtemp(fixture->path));
        fixture->directory = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;

        (void) unlinkat(fixture->directory, JOURNAL_NAME, 0);
        (void) fd_close(fixture->directory);
        (void) rmdir(fixture->path);
        free(fixture);
        return 0;
}

static JournalEntry entry_of(uint8_t byte)
{
        JournalEntry entry = { .key = { { byte } }, .time_ms = 1760000000000 + byte };

        (void) snprintf(entry.device, sizeof entry.device, "dev-%u", byte);
        return entry;
}

static void append(Journal *journal, uint8_t byte)
{
        JournalEntry entry = entry_of(byte);

        assert_ok(journal_append(journal, &entry, 1));
}

static bool has(const Journal *journal, uint8_t byte)
{
        return journal_has(journal, &(WireguardKey){ { byte } });
}

static void test_what_was_appended_is_found_again(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(journal_freep) Journal *journal = NULL;
        size_t n;

        assert_ok(journal_open(fixture->directory, &journal));
        assert_false(has(journal, 2));
        append(journal, 3);
        append(journal, 1);
        append(journal, 2);
        append(journal, 2);
        assert_true(has(journal, 1) && has(journal, 2) && has(journal, 3));
        assert_false(has(journal, 4));

        journal = journal_free(journal);
        assert_ok(journal_open(fixture->directory, &journal));
        const JournalEntry *entries = journal_entries(journal, &n);
        assert_int_equal(n, 3);
        for (uint8_t i = 0; i < 3; i++) {
                JournalEntry wanted = entry_of((uint8_t) (i + 1));

                assert_memory_equal(&entries[i].key, &wanted.key, sizeof wanted.key);
                assert_string_equal(entries[i].device, wanted.device);
                assert_int_equal(entries[i].time_ms, wanted.time_ms);
        }
        assert_int_equal(journal_n_torn(journal), 0);
}

/* The file as it is when the third entry was only written up to each of its bytes; then a fourth comes. */
static void test_torn_at_every_byte(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        _cleanup_(journal_freep) Journal *journal = NULL;
        assert_ok(journal_open(fixture->directory, &journal));
        for (uint8_t i = 1; i <= 3; i++)
                append(journal, i);
        journal = journal_free(journal);
        assert_ok(fd_read_file_at(fixture->directory, JOURNAL_NAME, 1 << 20, &text, &size));

        for (size_t cut = 0; cut <= JOURNAL_ENTRY_SIZE; cut++)
                for (int truncated = 0; truncated < 2; truncated++) {
                        _cleanup_(freep) char *torn = calloc(1, size);
                        size_t kept = 2 * JOURNAL_ENTRY_SIZE + cut;

                        assert_non_null(torn);
                        memcpy(torn, text, kept);
                        assert_ok(file_write_at(fixture->directory, JOURNAL_NAME, FILE_REPLACE, 0600,
                                                BYTES(torn, truncated ? kept : size)));
                        assert_ok(journal_open(fixture->directory, &journal));
                        assert_true(has(journal, 1) && has(journal, 2));
                        bool whole = has(journal, 3); /* a tail of zeros may be missing */
                        assert_true(whole || cut < JOURNAL_ENTRY_SIZE);
                        assert_int_equal(journal_n_torn(journal), !whole && cut > 0);
                        append(journal, 4);
                        journal = journal_free(journal);

                        assert_ok(journal_open(fixture->directory, &journal));
                        assert_true(has(journal, 1) && has(journal, 2) && has(journal, 4));
                        assert_true(has(journal, 3) == whole);
                        journal = journal_free(journal);
                }
}

static void test_every_flipped_byte_is_noticed(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(journal_freep) Journal *journal = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;

        assert_ok(journal_open(fixture->directory, &journal));
        append(journal, 1);
        append(journal, 2);
        journal = journal_free(journal);
        assert_ok(fd_read_file_at(fixture->directory, JOURNAL_NAME, 1 << 20, &text, &size));

        for (size_t i = 0; i < JOURNAL_ENTRY_SIZE; i++) {
                text[i] ^= 0x20;
                assert_ok(file_write_at(fixture->directory, JOURNAL_NAME, FILE_REPLACE, 0600,
                                        BYTES(text, size)));
                assert_ok(journal_open(fixture->directory, &journal));
                assert_true(!has(journal, 1) && has(journal, 2));
                assert_int_equal(journal_n_torn(journal), 1);
                journal = journal_free(journal);
                text[i] ^= 0x20;
        }
}

/* Writing past the end of the file fails, as on a full disk: what is reserved suffices. */
static void test_a_full_disk(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_(journal_freep) Journal *journal = NULL;
        struct rlimit before;
        struct stat st;

        assert_ok(journal_open(fixture->directory, &journal));
        assert_int_equal(fstatat(fixture->directory, JOURNAL_NAME, &st, 0), 0);
        assert_true(st.st_size >= 256 * JOURNAL_ENTRY_SIZE);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ (rlim_t) st.st_size, before.rlim_max }),
                         0);
        for (unsigned i = 1; i < 256; i++)
                append(journal, (uint8_t) i);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(has(journal, 1) && has(journal, 255));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_was_appended_is_found_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn_at_every_byte, setup, teardown),
                cmocka_unit_test_setup_teardown(test_every_flipped_byte_is_noticed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_full_disk, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
