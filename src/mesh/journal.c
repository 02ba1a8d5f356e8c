/* SPDX-License-Identifier: MIT */
/* The revocation journal. */

#include "mesh/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd.h"
#include "crypto/sha256.h"

#define MAGIC       "DBXREVO1"
#define MAGIC_SIZE  8
#define CHECK_SIZE  16
#define CHECK_AT    (JOURNAL_ENTRY_SIZE - CHECK_SIZE)
#define RESERVE_MIN 512 /* entries */

typedef uint8_t Slot[JOURNAL_ENTRY_SIZE];

struct Journal {
        int fd;
        off_t end; /* of the last slot in use */
        JournalEntry *entries;
        size_t n_entries, n_torn;
};

/* ---- slots */

static void slot_check(const Slot slot, uint8_t ret_check[static CHECK_SIZE])
{
        Sha256 digest;

        sha256(BYTES(slot, CHECK_AT), &digest);
        memcpy(ret_check, digest.bytes, CHECK_SIZE);
}

static void slot_format(const JournalEntry *entry, Slot slot)
{
        uint8_t *at = put_bytes(slot, MAGIC, MAGIC_SIZE);

        at = put_be64(at, entry->time_ms);
        at = put_bytes(at, entry->key.bytes, sizeof entry->key.bytes);
        (void) strncpy((char *) at, entry->device, DEVICE_NAME_SIZE);
        slot_check(slot, slot + CHECK_AT);
}

static bool slot_parse(const Slot slot, JournalEntry *ret_entry)
{
        const uint8_t *at = slot + MAGIC_SIZE;
        uint8_t check[CHECK_SIZE];

        slot_check(slot, check);
        if (memcmp(slot, MAGIC, MAGIC_SIZE) != 0 || memcmp(slot + CHECK_AT, check, CHECK_SIZE) != 0)
                return false;

        ret_entry->time_ms = (uint64_t) get_be32(at) << 32 | get_be32(at + 4);
        memcpy(ret_entry->key.bytes, at + 8, sizeof ret_entry->key.bytes);
        memcpy(ret_entry->device, at + 8 + sizeof ret_entry->key.bytes, DEVICE_NAME_SIZE);
        ret_entry->device[DEVICE_NAME_SIZE - 1] = '\0';
        return true;
}

static bool slot_is_free(const Slot slot)
{
        static const Slot zeros;

        return memcmp(slot, zeros, sizeof zeros) == 0;
}

/* ---- the entries in memory */

static int compare_keys(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(WireguardKey)); /* the first member of an entry */
}

static const JournalEntry *find(const Journal *journal, const WireguardKey *key)
{
        return journal->n_entries == 0 ? NULL
                                       : bsearch(key, journal->entries, journal->n_entries,
                                                 sizeof *journal->entries, compare_keys);
}

static int make_room(Journal *journal, size_t n_more)
{
        JournalEntry *grown =
                reallocarray(journal->entries, journal->n_entries + n_more, sizeof *journal->entries);
        if (!grown && journal->n_entries + n_more > 0)
                return -ENOMEM;

        journal->entries = grown;
        return 0;
}

static void sort(Journal *journal)
{
        if (journal->n_entries > 0)
                qsort(journal->entries, journal->n_entries, sizeof *journal->entries, compare_keys);
}

/* ---- the file */

static int read_slots(Journal *journal, const char *content, size_t size)
{
        int r = make_room(journal, size / JOURNAL_ENTRY_SIZE + 1);
        if (r < 0)
                return r;

        for (size_t at = 0; at < size; at += JOURNAL_ENTRY_SIZE) {
                Slot slot = { 0 };

                memcpy(slot, content + at, MIN(size - at, sizeof slot));
                if (slot_is_free(slot))
                        continue;
                journal->end = (off_t) (at + sizeof slot);
                if (!slot_parse(slot, &journal->entries[journal->n_entries]))
                        journal->n_torn++;
                else
                        journal->n_entries++;
        }

        sort(journal);
        return 0;
}

int journal_open(int directory_fd, Journal **ret_journal)
{
        _cleanup_(journal_freep) Journal *journal = calloc(1, sizeof *journal);
        _cleanup_(freep) char *content = NULL;
        size_t size;

        if (!journal)
                return -ENOMEM;
        journal->fd = openat(directory_fd, JOURNAL_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (journal->fd < 0)
                return -errno;
        if (fsync(directory_fd) < 0)
                return -errno;

        int r = fd_read_file_at(directory_fd, JOURNAL_NAME, SIZE_MAX / 2, &content, &size);
        if (r < 0)
                return r;
        r = read_slots(journal, content, size);
        if (r < 0)
                return r;

        journal_reserve(journal, RESERVE_MIN);
        *ret_journal = TAKE_PTR(journal);
        return 0;
}

Journal *journal_free(Journal *journal)
{
        if (!journal)
                return NULL;

        (void) fd_close(journal->fd);
        free(journal->entries);
        free(journal);
        return NULL;
}

void journal_reserve(Journal *journal, size_t n_entries)
{
        (void) posix_fallocate(journal->fd, journal->end,
                               (off_t) (MAX(n_entries, (size_t) RESERVE_MIN) * JOURNAL_ENTRY_SIZE));
}

static int write_slots(Journal *journal, const JournalEntry *entries, size_t n_entries)
{
        for (size_t i = 0; i < n_entries; i++) {
                Slot slot = { 0 };

                slot_format(&entries[i], slot);
                ssize_t n = pwrite(journal->fd, slot, sizeof slot, journal->end);
                journal->end += (off_t) sizeof slot; /* also a torn one is in use */
                if (n != (ssize_t) sizeof slot)
                        return n < 0 ? -errno : -ENOSPC;
        }

        return fdatasync(journal->fd) < 0 ? -errno : 0;
}

int journal_append(Journal *journal, const JournalEntry *entries, size_t n_entries)
{
        size_t n_before = journal->n_entries, n_new = 0;

        int r = make_room(journal, n_entries);
        if (r < 0)
                return r;

        /* Behind the sorted ones until they are durable. */
        for (size_t i = 0; i < n_entries; i++)
                if (!find(journal, &entries[i].key))
                        journal->entries[n_before + n_new++] = entries[i];
        r = write_slots(journal, journal->entries + n_before, n_new);
        if (r < 0)
                return r;

        journal->n_entries += n_new;
        sort(journal);
        return 0;
}

bool journal_has(const Journal *journal, const WireguardKey *key)
{
        return find(journal, key);
}

const JournalEntry *journal_entries(const Journal *journal, size_t *ret_n_entries)
{
        *ret_n_entries = journal->n_entries;
        return journal->entries;
}

size_t journal_n_torn(const Journal *journal)
{
        return journal->n_torn;
}
