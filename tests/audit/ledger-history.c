/* SPDX-License-Identifier: MIT */
/* A random history of a ledger. */

#include "ledger-history.h"

#include <inttypes.h>
#include <stdio.h>

#include "audit/checkpoint.h"
#include "ledger-auditor.h"
#include "worker-stub.h"

#define STEPS    600
#define SIBLINGS 100 /* so few that ids and nonces come again */
#define ROOTS    512
#define KEPT     16

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

typedef struct Statement {
        char *text;
        WorldKey witness; /* _KEY_MAX: none */
} Statement;

typedef struct History {
        LedgerWorld *world;
        uint64_t seed, random;

        WorldKey device, manifest_key, witness;
        int64_t root_version, epoch, version;
        bool redacts; /* the manifest, the arguments of ls */
        char place[48];
        char *manifest; /* the last that was installed */
        Sha256 roots[ROOTS];
        size_t n_roots;

        SignedBundle last; /* the last request */
        char open[KEPT][ULID_SIZE];
        size_t n_open;
        Statement statements[KEPT];
        size_t n_statements;
        size_t n_accepted, n_kept; /* requests; and those whose arguments the chain may keep */
        size_t n_approvals;        /* that were used */
} History;

/* xorshift64; in 0 … n - 1. */
static uint64_t draw(History *history, uint64_t n)
{
        history->random ^= history->random << 13;
        history->random ^= history->random >> 7;
        history->random ^= history->random << 17;
        return (history->random >> 16) % n;
}

static bool sometimes(History *history, uint64_t one_in)
{
        return draw(history, one_in) == 0;
}

/* ---- roots and manifests */

static void step_request(History *history), step_session(History *history), step_root(History *history);

static const char *key_place(WorldKey key)
{
        static const char *const places[_KEY_MAX] = {
                [KEY_MANIFEST] = "\"@manifest@\"", [KEY_TOKEN] = "\"@token@\"",
                [KEY_WITNESS] = "\"@witness@\"",   [KEY_STRANGER] = "\"@stranger@\"",
                [KEY_DEVICE] = "\"@device@\"",     [KEY_ROOT_A] = "\"@root-a@\"",
                [KEY_ROOT_C] = "\"@root-c@\"",
        };

        return places[key];
}

/* The edit that makes epoch and version of a manifest, or of what refers to it. */
static Edit place_edit(History *history)
{
        (void) snprintf(history->place, sizeof history->place, "\"epoch\":%" PRIi64 ",\"version\":%" PRIi64,
                        history->epoch, history->version);
        return (Edit){ "\"epoch\":1,\"version\":7", history->place };
}

static bool has_key(const History *history)
{
        LedgerStatus status;

        ledger_status(history->world->ledger, &status);
        return !status.adoption_needed;
}

static void step_manifest(History *history)
{
        LedgerWorld *world = history->world;
        bool redacts = sometimes(history, 3), wide = sometimes(history, 3), strict = sometimes(history, 2);
        char limits[64];
        ManifestInstalled installed;
        Sha256 before = world->made.manifest;

        (void) snprintf(limits, sizeof limits, "\"limits\":{\"skew_s\":%d,\"stale_max_s\":60},\"operators\"",
                        wide ? 300 : 30);
        history->version += 1 + (int64_t) draw(history, 3);
        const Edit edits[] = {
                place_edit(history),
                { "\"@device@\"", key_place(history->device) },
                { "\"operators\"", limits },
                { "\"id\":\"df\",", strict ? "\"id\":\"df\",\"strict\":true," : "\"id\":\"df\"," },
                { "\"id\":\"ls-home\",",
                  redacts ? "\"id\":\"ls-home\",\"redact\":[\"argv\"]," : "\"id\":\"ls-home\"," },
        };
        _cleanup_(freep) char *text =
                signed_manifest(&world->made, edits, ELEMENTSOF(edits), history->manifest_key);
        if (ledger_install_manifest(world->ledger, text, &installed) == 0) {
                history->redacts = redacts;
                free(history->manifest);
                history->manifest = TAKE_PTR(text);
        } else
                world->made.manifest = before;
        if (!sometimes(history, 8))
                step_session(history);
}

static void step_confirm(History *history)
{
        ManifestInstalled installed;

        if (history->manifest)
                (void) ledger_install_manifest(history->world->ledger, history->manifest, &installed);
}

static void step_tombstone(History *history)
{
        static const char dispatchers[] =
                "\"dispatchers\":[{\"pub\":\"@dispatcher@\",\"not_after\":1762000000000}]";
        const Edit edits[] = {
                { strstr(world_manifest, ",\"capabilities\":["), ",\"capabilities\":[]}" },
                { dispatchers, "\"dispatchers\":[]" },
                { "\"@device@\"", key_place(history->device) },
                (history->version = MANIFEST_TOMBSTONE, place_edit(history)),
        };
        ManifestInstalled installed;
        _cleanup_(freep) char *text =
                signed_manifest(&history->world->made, edits, ELEMENTSOF(edits), history->manifest_key);

        (void) ledger_install_manifest(history->world->ledger, text, &installed);
        for (int i = 0; i < 4; i++)
                step_request(history);
        if (!sometimes(history, 8))
                step_root(history);
}

static void step_root(History *history)
{
        LedgerWorld *world = history->world;
        const WorldKey keys[] = { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX };
        char version[32], epoch[32];

        if (history->n_roots == ROOTS)
                return;
        if (history->version == MANIFEST_TOMBSTONE || sometimes(history, 3)) {
                history->epoch++;
                history->version = 0;
        }
        if (sometimes(history, 3))
                history->manifest_key = sometimes(history, 2) ? KEY_STRANGER : KEY_MANIFEST;
        if (sometimes(history, 3))
                history->witness = sometimes(history, 2) ? KEY_TOKEN : KEY_WITNESS;

        (void) snprintf(version, sizeof version, "\"version\":%" PRIi64, ++history->root_version);
        (void) snprintf(epoch, sizeof epoch, "\"epoch\":%" PRIi64, history->epoch);
        const Edit edits[] = { { "\"version\":1", version },
                               { "\"epoch\":1", epoch },
                               { "\"@manifest@\"", key_place(history->manifest_key) },
                               { "\"@witness@\"", key_place(history->witness) } };
        _cleanup_(freep) char *text = signed_root_edited(&world->made, edits, ELEMENTSOF(edits), keys);
        assert_int_equal(ledger_install_root(world->ledger, text), 0);
        history->roots[history->n_roots++] = world->made.root;
        if (!sometimes(history, 4))
                step_manifest(history);
}

static void step_ceiling(History *history)
{
        static const char *const ceilings[] = {
                "v: 1\ncapabilities: [fs.read]\nread: [/home]\n",
                "v: 1\ncapabilities: [shell.exec, fs.read, fs.write, service.restart, docker.exec]\n"
                "programs: [/usr/bin/ls, /usr/bin/df]\nread: [/home]\nwrite: [/srv/share]\n"
                "containers: [web]\nunits: [nginx.service]\n",
        };

        ledger_world_write_ceiling(history->world, ceilings[draw(history, 8) > 0]);
        assert_ok(ledger_reload(history->world->ledger));
}

/* ---- requests */

typedef struct Kind {
        const char *name;
        Edit request[2], approval[2], second[2];
        size_t n_approvals;
        WorldKey approval_key, request_key;
} Kind;

#define BY(tier)                                                                                            \
        {                                                                                                   \
                "\"reaction\"", "\"" tier "\""                                                              \
        }
#define MEMBERS_16(x)                                                                                       \
        "\"" x "0\":0,\"" x "1\":1,\"" x "2\":2,\"" x "3\":3,\"" x "4\":4,\"" x "5\":5,\"" x "6\":6,\"" x   \
        "7\":7,\"" x "8\":8,\"" x "9\":9,\"" x "a\":\"\",\"" x "b\":[[]],\"" x "c\":{\"d\":{}},\"" x        \
        "d\":null,\"" x "e\":true,\"" x "f\":\"\\\"\\\\\""

/* Those that may be accepted first. */
#define KINDS_RIGHT 5
static const Kind kinds[] = {
        { "ls" },
        { "df", .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") } },
        { "restart", .request = RESTART, .approval = { BY("message") },
          .second = { BY("message"), { "@bob", "@eve" } }, .n_approvals = 2 },
        { "write", .request = WRITE, .n_approvals = 1 },
        { "docker", .request = DOCKER, .approval = { BY("signed") }, .n_approvals = 1,
          .approval_key = KEY_BOB },
        /* Never. */
        { "unapproved", .request = RESTART },
        { "disapproved", .request = WRITE, .approval = { { "\"approve\"", "\"deny\"" } }, .n_approvals = 1 },
        { "unsigned", .request_key = KEY_STRANGER },
        { "elsewhere", .request = { { "\"dev-a\"", "\"dev-b\"" } } },
        { "mallory", .request = { { "@ana", "@mallory" } } },
        { "arguments", .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"\\\"\\\\\xc3\xa9\"]}") } },
        { "path", .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/\"]}") } },
        { "binary", .request = { ARGS("{\"argv\":[\"/usr/bin/rm\"]}") } },
        { "unknown",
          .request = { KIND("moon.shot"), ARGS("{" MEMBERS_16("p") "," MEMBERS_16("q") "," MEMBERS_16(
                                                  "r") "," MEMBERS_16("s") "}") } },
        { "malformed", .request = { KIND("fs.read") } },
        { "early", .request = { { "\"issued_at\":1760000000000", "\"issued_at\":1760000050000" } } },
        { "late",
          .request = { { "1760000060000", "1759999960000" }, { "1760000000000", "1759999900000" } } },
};

static void put(History *history)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;

        ledger_world_put(history->world, &history->last, &answer);
        if (answer.outcome != LEDGER_ACCEPTED)
                return;

        history->n_accepted++;
        history->n_approvals += history->last.n_approvals;
        history->n_kept +=
                !streq(answer.entry, "write-srv") && !(history->redacts && streq(answer.entry, "ls-home"));
        (void) snprintf(history->open[history->n_open++ % KEPT], ULID_SIZE, "%s", answer.request_id);
}

static void step_request(History *history)
{
        const Kind *kind = &kinds[draw(history, sometimes(history, 3) ? ELEMENTSOF(kinds) : KINDS_RIGHT)];
        Sibling sibling, other;

        if (!has_key(history))
                return;

        sibling_init(&sibling, (unsigned) draw(history, SIBLINGS));
        sibling_init(&other, (unsigned) draw(history, SIBLINGS));
        Edit id = sibling.edits[0], nonce = sometimes(history, 20) ? other.edits[1] : sibling.edits[1];
        Case given = {
                .request = { id, nonce, place_edit(history), kind->request[0], kind->request[1] },
                .approval = { id, kind->approval[0], kind->approval[1] },
                .second = { id, kind->second[0], kind->second[1] },
                .n_approvals = kind->n_approvals,
                .approval_key = kind->approval_key,
                .request_key = kind->request_key,
        };
        signed_bundle_done(&history->last);
        signed_bundle(&history->world->made, &given, &history->last);
        put(history);
        if (sometimes(history, 6)) { /* the same bundle, and another delivery */
                put(history);
                signed_deliver_again(&history->world->made, &history->last);
                put(history);
        }
}

static void step_finish(History *history)
{
        static const int statuses[] = { RESULT_FINISHED, RESULT_TIMEOUT, RESULT_CANCELLED, RESULT_FAILED };
        _cleanup_(freep) char *result = NULL;
        const char *id = history->open[draw(history, KEPT)];

        if (!has_key(history))
                return;

        if (!sometimes(history, 4))
                (void) worker_stub_start(history->world, id);
        if (!sometimes(history, 4))
                (void) worker_stub_finish(history->world, id,
                                          (ResultStatus) statuses[draw(history, ELEMENTSOF(statuses))],
                                          &result);
}

static void move(History *history, int64_t ms)
{
        history->world->time.now_ms += (uint64_t) ms;
        history->world->made.shift_ms = (int64_t) history->world->time.now_ms - (int64_t) WORLD_NOW;
}

static void step_session(History *history)
{
        if (!has_key(history))
                return;

        move(history, 500); /* sessions are limited per minute */
        ledger_world_begin_session(history->world);
}

/* ---- time */

static void step_later(History *history)
{
        static const int64_t longest[] = { 5 * SECOND, 5 * SECOND, 100 * SECOND, HOUR, 3 * DAY };

        move(history, (int64_t) draw(history, (uint64_t) longest[draw(history, ELEMENTSOF(longest))]));
}

static void step_earlier(History *history)
{
        static const int64_t longest[] = { 25 * SECOND, 25 * SECOND, 300 * SECOND, HOUR, 3 * DAY };
        uint64_t which = draw(history, ELEMENTSOF(longest));

        move(history, -(int64_t) draw(history, (uint64_t) longest[which]));
        if (which >= 3 || sometimes(history, 2))
                assert_int_equal(ledger_accept_clock(history->world->ledger), 0);
}

/* ---- clock, flush and restart */

static void step_flush(History *history)
{
        _cleanup_(freep) char *checkpoint = NULL;

        assert_int_equal(ledger_flush(history->world->ledger, &checkpoint), 0);
}

/* As after a crash: requests in progress are interrupted. */
static void step_reopen(History *history)
{
        ledger_world_close(history->world);
        ledger_world_open(history->world);
        step_session(history);
}

static void step_lose_key(History *history)
{
        static const WorldKey keys[] = { KEY_DEVICE, KEY_ROOT_A, KEY_ROOT_C };

        ledger_world_close(history->world);
        history->device = keys[draw(history, ELEMENTSOF(keys))];
        ledger_world_set_key(history->world, history->device);
        ledger_world_open(history->world);
        if (!sometimes(history, 4))
                step_manifest(history);
        step_session(history);
}

/* Of now, or of any time before. */
static void step_statement(History *history)
{
        LedgerWorld *world = history->world;
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Statement *statement = &history->statements[history->n_statements % KEPT];
        uint64_t size = sometimes(history, 2) ? 0 : draw(history, ledger_world_size(world)) + 1;

        if (!has_key(history))
                return;

        free(statement->text);
        assert_int_equal(ledger_checkpoint(world->ledger, size, &statement->text), 0);
        statement->witness = _KEY_MAX;
        history->n_statements++;
        if (sometimes(history, 3))
                return;

        assert_int_equal(envelope_parse(bytes_of_string(statement->text), CHECKPOINT_TEXT_MAX, &envelope),
                         0);
        assert_ok(envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, world_key(history->witness)));
        free(statement->text);
        assert_ok(envelope_format(envelope, &statement->text));
        statement->witness = history->witness;
        if (sometimes(history, 2))
                assert_int_equal(ledger_record_cosignature(world->ledger, statement->text), 0);
}

typedef struct Step {
        void (*take)(History *history);
        unsigned weight;
} Step;

static const Step steps[] = {
        { step_request, 60 },  { step_finish, 30 },  { step_session, 6 }, { step_later, 30 },
        { step_earlier, 3 },   { step_flush, 6 },    { step_reopen, 3 },  { step_lose_key, 1 },
        { step_statement, 6 }, { step_manifest, 4 }, { step_root, 2 },    { step_tombstone, 1 },
        { step_ceiling, 1 },   { step_confirm, 20 },
};

static void take_a_step(History *history)
{
        uint64_t total = 0, at = 0;

        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                total += steps[i].weight;

        uint64_t drawn = draw(history, total);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                at += steps[i].weight;
                if (drawn < at) {
                        steps[i].take(history);
                        return;
                }
        }
}

/* ---- the auditor */

/* All evidence belongs to an entry, whatever was rejected. */
static const char other_evidence[] = "SELECT (SELECT count(*) FROM evidence) -"
                                     " (SELECT count(*) FROM audit WHERE type IN (3, 4))";

static void audit(History *history)
{
        char *given[KEPT];
        Auditor auditor = { .roots = history->roots,
                            .n_roots = history->n_roots,
                            .exported = sometimes(history, 2),
                            .statements = given };
        AuditOutcome outcome = AUDIT_UNWITNESSED;
        size_t n = MIN(history->n_statements, (size_t) KEPT);

        for (size_t i = 0; i < n; i++) {
                if (sometimes(history, 2))
                        continue;
                given[auditor.n_statements++] = history->statements[i].text;
                if (history->statements[i].witness == history->witness)
                        outcome = AUDIT_OK;
        }

        AuditReport report = auditor_verify(history->world, &auditor);
        if (report.outcome > AUDIT_UNWITNESSED)
                print_message("# seed %" PRIu64 "\n", history->seed);
        auditor_assert_whole(&report, history->n_accepted, history->n_kept);
        assert_int_equal(report.outcome, outcome);
        assert_int_equal(report.size, ledger_world_size(history->world));
        assert_int_equal(report.n_ignored, 0);
        assert_int_equal(report.n_redacted, history->n_accepted - history->n_kept);
        assert_int_equal(report.n_unknown_roots, 0);
        assert_int_equal(ledger_world_query(history->world, other_evidence),
                         history->n_kept + history->n_approvals);
}

void ledger_history_live(LedgerWorld *world, uint64_t seed)
{
        History history = { .world = world,
                            .seed = seed,
                            .random = seed * UINT64_C(0x9e3779b97f4a7c15),
                            .device = KEY_DEVICE,
                            .manifest_key = KEY_MANIFEST,
                            .witness = KEY_WITNESS,
                            .root_version = 1,
                            .epoch = 1,
                            .version = 7,
                            .roots = { world->made.root },
                            .n_roots = 1 };

        world->tick_ms = seed % 3;
        for (unsigned i = 1; i <= STEPS; i++) {
                take_a_step(&history);
                if (i % 100 == 0)
                        audit(&history);
        }
        print_message("# %zu of %zu accepted are kept, %zu roots\n", history.n_kept, history.n_accepted,
                      history.n_roots);

        free(history.manifest);
        signed_bundle_done(&history.last);
        for (size_t i = 0; i < KEPT; i++)
                free(history.statements[i].text);
}
