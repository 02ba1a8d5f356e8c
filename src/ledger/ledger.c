/* SPDX-License-Identifier: MIT */
/* The ledger: opening, checkpoints, status. */

#include "ledger/ledger.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "audit/ledger-database.h"
#include "audit/replica.h"
#include "basic/fd.h"
#include "basic/time.h"
#include "ledger/identity.h"
#include "ledger/ledger-internal.h"
#include "ledger/open-problem.h"

#define DATABASE_NAME "ledger.db"

/* Entries for denials, and entries for sessions; denials above the limit are counted. */
#define ENTRIES_PER_MINUTE 120

/* ---- signing */

int ledger_sign_result(const Ledger *ledger, Result *result, uint64_t seq, char **ret_envelope)
{
        const ChainCursor *cursor = &ledger->chain.pending;
        _cleanup_(freep) char *text = NULL;

        result->device = (char *) ledger->chain.device;
        result->boot_id = (char *) ledger->boot_id;
        result->seq = (int64_t) seq;
        result->size = (int64_t) cursor->size;
        result->head = cursor->head;

        int r = result_format(result, &text, NULL);
        if (r > 0 && result->message) { /* text from outside may not be valid */
                result->message = NULL;
                r = result_format(result, &text, NULL);
        }
        if (r != 0)
                return r;

        return envelope_make(ENVELOPE_RESULT, text, CHECKPOINT_DEVICE_ROLE, ledger->identity, ret_envelope);
}

int ledger_sign_checkpoint(Ledger *ledger, uint64_t size, char **ret_envelope)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint checkpoint;

        int r = chain_checkpoint(&ledger->chain, size, &checkpoint);
        if (r < 0)
                return r;
        r = checkpoint_sign(&checkpoint, ledger->identity, &envelope);
        if (r < 0)
                return r;

        return envelope_format(envelope, ret_envelope);
}

/* ---- opening */

/* One ledger per directory: it keeps the end of the chain in memory. */
static int lock_directory(Ledger *ledger, const char *path)
{
        ledger->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ledger->directory_fd < 0)
                return -errno;

        if (flock(ledger->directory_fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return 0;
}

static int load_state(Ledger *ledger)
{
        int64_t floor = 0, issued_floor = 0;

        int r = state_read_integer(ledger->database, LEDGER_TIME_FLOOR, &floor);
        if (r < 0)
                return r;
        r = state_read_integer(ledger->database, LEDGER_ISSUED_FLOOR, &issued_floor);
        if (r < 0)
                return r;
        r = state_read_bytes(ledger->database, LEDGER_DEVICE_KEY, ledger->device_key.bytes, PUBLIC_KEY_SIZE);
        if (r < 0)
                return r;
        if (r == 0)
                ledger->device_key = *key_pair_public(ledger->identity);

        ledger->time_floor_ms = (uint64_t) floor;
        ledger->issued_floor_ms = (uint64_t) issued_floor;
        ledger->flushed_size = ledger->chain.committed.size;
        return policy_load(&ledger->policy, ledger->database);
}

/* The database is created before the key. So a key without a database had one, which must not begin anew:
 * the device would accept requests again, and its chain would fork. */
static int open_database(Ledger *ledger, const char *directory)
{
        char path[4096];
        struct stat st;

        int n = snprintf(path, sizeof path, "%s/" DATABASE_NAME, directory);
        if (n < 0 || (size_t) n >= sizeof path)
                return -ENAMETOOLONG;

        bool is_new = fstatat(ledger->directory_fd, DATABASE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0
                              ? errno == ENOENT
                              : S_ISREG(st.st_mode) && st.st_size == 0;
        if (is_new && identity_exists(ledger->directory_fd))
                return -ENODATA;

        return database_open(path, DATABASE_OWN, &ledger_schema, &ledger->database);
}

/* `ret_part` is what a failure is about. */
static int open_parts(Ledger *ledger, const LedgerOptions *options, LedgerPart *ret_part)
{
        sd_id128_t boot;

        int r = sd_id128_get_boot(&boot);
        if (r < 0)
                return r;
        (void) sd_id128_to_string(boot, ledger->boot_id);
        *ret_part = LEDGER_PART_DIRECTORY;
        r = lock_directory(ledger, options->directory);
        if (r < 0)
                return r;
        *ret_part = LEDGER_PART_DATABASE;
        r = open_database(ledger, options->directory);
        if (r < 0)
                return r;
        *ret_part = LEDGER_PART_IDENTITY;
        r = identity_load(ledger->directory_fd, options->credentials, &ledger->identity);
        if (r < 0)
                return r;
        r = identity_publish(ledger->directory_fd, ledger->identity);
        if (r < 0)
                return r;
        *ret_part = LEDGER_PART_CHAIN;
        r = chain_init(&ledger->chain, ledger->database);
        if (r < 0)
                return r;

        return requests_init(&ledger->requests, ledger->database,
                             options->requests_max > 0 ? options->requests_max : REQUESTS_MAX);
}

static int load(Ledger *ledger, const LedgerOptions *options, LedgerPart *ret_part)
{
        int r = open_parts(ledger, options, ret_part);
        if (r < 0)
                return r;
        r = policy_load_ceiling(&ledger->policy, ledger->ceiling_path);
        if (r < 0)
                return r;
        r = load_state(ledger);
        if (r < 0)
                return r;
        r = ledger_recover(ledger);

        return r > 0 ? -EUCLEAN : r;
}

int ledger_open(const LedgerOptions *options, Ledger **ret_ledger, char **ret_problem)
{
        _cleanup_(ledger_closep) Ledger *ledger = calloc(1, sizeof *ledger);
        LedgerPart part = LEDGER_PART_DIRECTORY;

        if (!ledger)
                return -ENOMEM;

        ledger->directory_fd = -EBADF;
        ledger->options = (LedgerOptions){ .time = options->time, .owner = options->owner };
        ledger->denials = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = ENTRIES_PER_MINUTE };
        ledger->sessions = (RateLimit){ .interval_usec = 60 * USEC_PER_SEC, .burst = ENTRIES_PER_MINUTE };
        ledger->ceiling_path = strdup(options->ceiling);
        if (!ledger->ceiling_path)
                return -ENOMEM;

        int r = load(ledger, options, &part);
        if (r < 0) {
                int k = open_problem_format(part, r, options->directory, ret_problem);
                return k < 0 ? k : r;
        }

        *ret_ledger = TAKE_PTR(ledger);
        return 0;
}

Ledger *ledger_close(Ledger *ledger)
{
        if (!ledger)
                return NULL;

        policy_done(&ledger->policy);
        runs_done(&ledger->runs);
        database_close(ledger->database);
        key_pair_free(ledger->identity);
        ledger->directory_fd = fd_close(ledger->directory_fd);
        explicit_bzero(&ledger->session, sizeof ledger->session);
        free(ledger->ceiling_path);
        free(ledger);
        return NULL;
}

int ledger_reload(Ledger *ledger)
{
        int r = policy_load_ceiling(&ledger->policy, ledger->ceiling_path);
        if (r < 0)
                return r;

        return policy_review(&ledger->policy, ledger->database);
}

const char *ledger_ceiling_problem(const Ledger *ledger)
{
        return ledger->policy.problem[0] != '\0' ? ledger->policy.problem : NULL;
}

/* ---- checkpoints */

int ledger_checkpoint(Ledger *ledger, uint64_t size, char **ret_envelope)
{
        if (!chain_exists(&ledger->chain) || !ledger_key_fits(ledger))
                return DEVBOX_ERROR_NOT_ENROLLED;

        return ledger_sign_checkpoint(ledger, size, ret_envelope);
}

bool ledger_flush_wanted(const Ledger *ledger)
{
        return chain_exists(&ledger->chain) &&
               (ledger->tally.total > 0 || ledger->chain.committed.size > ledger->flushed_size);
}

bool ledger_flush_due(const Ledger *ledger)
{
        uint64_t n = ledger->chain.committed.size - ledger->flushed_size;

        /* Until its first checkpoint an auditor cannot tell whether a chain is whole. */
        return n >= (ledger->flushed_size == 0 ? 1 : LEDGER_FLUSH_ENTRIES);
}

static int write_tally(Ledger *ledger)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;

        if (ledger->tally.total == 0)
                return 0;

        int r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = tally_append(&ledger->tally, &write, ledger_time(ledger).now_ms);
        if (r != 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        tally_reset(&ledger->tally);
        return 0;
}

/* A checkpoint covers what is committed, so it follows in a transaction of its own; losing it is harmless.
 * Rows expire by the time floor, before which nothing is accepted, in case this clock is wrong. */
static int write_checkpoint(Ledger *ledger, char **ret_checkpoint)
{
        _cleanup_(chain_transaction_done) ChainTransaction write = CHAIN_TRANSACTION_NULL;
        _cleanup_(freep) char *checkpoint = NULL;
        uint64_t size = ledger->chain.committed.size;

        int r = ledger_sign_checkpoint(ledger, 0, &checkpoint);
        if (r < 0)
                return r;
        r = chain_transaction_begin(&ledger->chain, &write);
        if (r < 0)
                return r;
        r = state_write_text(ledger->database, LEDGER_CHECKPOINT, checkpoint);
        if (r < 0)
                return r;
        r = requests_prune(&ledger->requests, MIN(ledger->time_floor_ms, ledger_time(ledger).now_ms));
        if (r < 0)
                return r;
        r = chain_transaction_commit(&write);
        if (r < 0)
                return r;

        ledger->flushed_size = size;
        *ret_checkpoint = TAKE_PTR(checkpoint);
        return 0;
}

int ledger_flush(Ledger *ledger, char **ret_checkpoint)
{
        char *checkpoint = NULL;

        if (ledger_flush_wanted(ledger) && ledger_key_fits(ledger)) {
                int r = write_tally(ledger);
                if (r != 0)
                        return r;
                r = write_checkpoint(ledger, &checkpoint);
                if (r < 0)
                        return r;
        }

        *ret_checkpoint = checkpoint;
        return 0;
}

/* ---- reading */

int ledger_export(Ledger *ledger, const ChainRange *range, AuditEntryHandler on_entry, void *userdata)
{
        _cleanup_(replica_done) Replica replica = REPLICA_NULL;
        ChainRange wanted = *range;

        if (range->device && streq(range->device, ledger->chain.device))
                wanted.device = NULL;
        if (wanted.device) {
                int r = replica_find(ledger->database, wanted.device, &replica);
                if (r <= 0)
                        return r < 0 ? r : DEVBOX_ERROR_PEER_UNKNOWN;
        }

        return chain_read(ledger->database, &wanted, on_entry, userdata);
}

int ledger_export_evidence(Ledger *ledger, const AuditEntry *entry, StatementTextHandler on_envelope,
                           void *userdata)
{
        return evidence_for_entry(ledger->database, entry, on_envelope, userdata);
}

bool ledger_disk_is_full(const Ledger *ledger)
{
        struct statvfs disk;

        return fstatvfs(ledger->directory_fd, &disk) < 0 ||
               (uint64_t) disk.f_bavail * disk.f_frsize < LEDGER_RESERVE_BYTES;
}

void ledger_status(const Ledger *ledger, LedgerStatus *ret_status)
{
        const Policy *policy = &ledger->policy;
        const ChainCursor *cursor = &ledger->chain.committed;

        *ret_status = (LedgerStatus){
                .device = ledger->chain.device,
                .chain = cursor->chain,
                .size = cursor->size,
                .head = cursor->head,
                .key = *key_pair_public(ledger->identity),
                .requests = ledger->requests.n,
                .root_version = policy->root ? policy->root->version : 0,
                .epoch = policy->floor.epoch,
                .version = policy->floor.version,
                .manifest_sha256 = policy->floor.digest,
                .expires_at_ms = policy->manifest ? policy->manifest->expires_at_ms : 0,
                .in_force = policy->manifest && policy->manifest->epoch == policy->root->epoch &&
                            !policy->outside && !manifest_is_tombstone(policy->manifest) &&
                            ledger_effective_now_ms(ledger, ledger_time(ledger).now_ms) <
                                    (uint64_t) policy->manifest->expires_at_ms,
                .adoption_needed = !ledger_key_fits(ledger),
                .disk_full = ledger_disk_is_full(ledger),
                .time_floor_ms = ledger->time_floor_ms,
        };
}

void ledger_trim(Ledger *ledger)
{
        database_trim(ledger->database);
}
