/* SPDX-License-Identifier: MIT */
/* A ledger in a directory of its own. */

#include "ledger-world.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/binary-text.h"

static const char wide_ceiling[] =
        "v: 1\n"
        "capabilities: [shell.exec, fs.read, fs.write, service.restart, docker.exec]\n"
        "programs: [/usr/bin/ls, /usr/bin/df]\n"
        "read: [/home]\n"
        "write: [/srv/share]\n"
        "containers: [web]\n"
        "units: [nginx.service]\n";

static LedgerTime read_time(void *owner)
{
        LedgerWorld *world = owner;

        world->time.now_ms += world->tick_ms;
        return world->time;
}

int ledger_world_try_open(LedgerWorld *world, char **ret_problem)
{
        _cleanup_(freep) char *problem = NULL;

        int r = ledger_open(&(LedgerOptions){ .directory = world->directory,
                                              .ceiling = world->ceiling,
                                              .time = read_time,
                                              .owner = world,
                                              .requests_max = world->requests_max },
                            &world->ledger, &problem);
        if (ret_problem)
                *ret_problem = TAKE_PTR(problem);
        return r;
}

void ledger_world_open(LedgerWorld *world)
{
        assert_ok(ledger_world_try_open(world, NULL));
}

void ledger_world_close(LedgerWorld *world)
{
        world->ledger = ledger_close(world->ledger);
}

static void write_file(const char *directory, const char *name, const char *text)
{
        char path[128];

        (void) snprintf(path, sizeof path, "%s/%s", directory, name);
        (void) unlink(path);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

void ledger_world_write_ceiling(const LedgerWorld *world, const char *yaml)
{
        write_file(world->directory, "ceiling.yaml", yaml);
}

void ledger_world_set_key(const LedgerWorld *world, WorldKey key)
{
        char seed[HEX_SIZE(KEY_SEED_SIZE)];

        hex_format(secret_bytes(key_pair_seed(world_key(key))), seed);
        write_file(world->directory, "identity", seed);
}

int ledger_world_up_empty(void **state)
{
        LedgerWorld *world = calloc(1, sizeof *world);

        assert_non_null(world);
        const char *parent = getenv("TMPDIR");
        (void) snprintf(world->directory, sizeof world->directory, "%s/devbox-ledger.XXXXXX",
                        parent ? parent : "/tmp");
        assert_non_null(mkdtemp(world->directory));
        (void) snprintf(world->ceiling, sizeof world->ceiling, "%s/ceiling.yaml", world->directory);
        ledger_world_write_ceiling(world, wide_ceiling);
        world->time = (LedgerTime){ .now_ms = WORLD_NOW, .synchronised = true };
        ledger_world_open(world);
        ledger_world_close(world);
        ledger_world_set_key(world, KEY_DEVICE);
        ledger_world_open(world);
        *state = world;
        return 0;
}

int ledger_world_up(void **state)
{
        assert_ok(ledger_world_up_empty(state));
        LedgerWorld *world = *state;
        ledger_world_enroll(world);
        ledger_world_install(world);
        ledger_world_begin_session(world);
        return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

int ledger_world_down(void **state)
{
        LedgerWorld *world = *state;

        ledger_world_close(world);
        for (size_t i = 0; i < ELEMENTSOF(world->stubs); i++)
                secret_free(world->stubs[i].end_key);
        assert_int_equal(nftw(world->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(world);
        return 0;
}

void ledger_world_enroll(LedgerWorld *world)
{
        _cleanup_(freep) char *root = signed_root(&world->made);
        Enrolment enrolment = { .device = "dev-a", .root = root, .root_sha256 = world->made.root };

        assert_ok(hex_parse(CHAIN_ID_HEX, enrolment.chain.bytes, CHAIN_ID_SIZE));
        assert_int_equal(ledger_enroll(world->ledger, &enrolment), 0);
}

void ledger_world_install(LedgerWorld *world)
{
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);
        ManifestInstalled installed = { 0 };

        int r = ledger_install_manifest(world->ledger, manifest, &installed);
        if (r != 0)
                fail_msg("the manifest: %d %s", r, installed.fault);
}

void ledger_world_begin_session(LedgerWorld *world)
{
        uint8_t session[SESSION_NONCE_SIZE];

        assert_int_equal(ledger_begin_session(world->ledger, session), 0);
        hex_format(BYTES_OF(session), world->made.session);
        world->made.counter = 0;
}

void ledger_world_put(LedgerWorld *world, const SignedBundle *bundle, LedgerAnswer *ret_answer)
{
        LedgerBundle texts = { .request = bundle->request,
                               .delivery = bundle->delivery,
                               .approvals = { bundle->approvals[0], bundle->approvals[1] },
                               .n_approvals = bundle->n_approvals,
                               .agent = world->agent };

        assert_int_equal(ledger_accept(world->ledger, &texts, ret_answer), 0);
}

int ledger_world_judge(LedgerWorld *world, const Case *given)
{
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;

        signed_bundle(&world->made, given, &bundle);
        ledger_world_put(world, &bundle, &answer);
        assert_int_equal(answer.outcome, answer.error ? LEDGER_DENIED : LEDGER_ACCEPTED);
        return answer.error;
}

uint64_t ledger_world_size(const LedgerWorld *world)
{
        LedgerStatus status;

        ledger_status(world->ledger, &status);
        return status.size;
}

typedef struct EntryCopy {
        char *body;
        uint16_t type;
} EntryCopy;

static int copy_entry(const AuditEntry *entry, void *userdata)
{
        EntryCopy *copy = userdata;

        copy->type = entry->type;
        copy->body = strndup((const char *) entry->body.data, entry->body.size);
        return 1;
}

char *ledger_world_entry(LedgerWorld *world, uint64_t from_end, uint16_t *ret_type)
{
        ChainRange range = { .from = ledger_world_size(world) - from_end, .max = 1 };
        EntryCopy copy = { 0 };

        assert_ok(ledger_export(world->ledger, &range, copy_entry, &copy));
        assert_non_null(copy.body);
        if (ret_type)
                *ret_type = copy.type;
        return copy.body;
}

static int walk_entry(const AuditEntry *entry, void *userdata)
{
        int fault = chain_cursor_next(userdata, entry);

        if (fault != 0)
                fail_msg("entry %llu: %s", (unsigned long long) entry->seq,
                         audit_fault_sentence((AuditFault) fault));
        return 0;
}

void ledger_world_verify(LedgerWorld *world)
{
        LedgerStatus status;
        ChainCursor walk;

        ledger_status(world->ledger, &status);
        chain_cursor_begin(&walk, &status.chain, status.device);
        assert_ok(ledger_export(world->ledger, &(ChainRange){ .max = UINT64_MAX }, walk_entry, &walk));
        assert_true(walk.size == status.size);
        assert_true(sha256_equal(&walk.head, &status.head));
}

/* Whole, also what is still in its log. */
static void copy_database(const LedgerWorld *world, const char *from, const char *to)
{
        sqlite3 *handle = NULL;
        char path[128], sql[160];

        (void) snprintf(path, sizeof path, "%s/%s", world->directory, to);
        (void) unlink(path);
        (void) snprintf(sql, sizeof sql, "VACUUM INTO '%s'", path);
        (void) snprintf(path, sizeof path, "%s/%s", world->directory, from);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

void ledger_world_save(const LedgerWorld *world)
{
        copy_database(world, "ledger.db", "ledger.db.saved");
}

void ledger_world_restore(const LedgerWorld *world)
{
        copy_database(world, "ledger.db.saved", "ledger.db");
}

static int take_number(void *userdata, int n, char **values, char **names)
{
        *(int64_t *) userdata = strtoll(values[0], NULL, 10);
        return 0;
}

int64_t ledger_world_query(const LedgerWorld *world, const char *sql)
{
        sqlite3 *handle = NULL;
        char path[128];
        int64_t number = 0;

        (void) snprintf(path, sizeof path, "%s/ledger.db", world->directory);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        int code = sqlite3_exec(handle, sql, take_number, &number, NULL);
        if (code != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
        return number;
}

void ledger_world_tamper(const LedgerWorld *world, const char *sql)
{
        (void) ledger_world_query(world, sql);
}
