/* SPDX-License-Identifier: MIT */
/* Roots, manifests, the ceiling and the key of a device. */

#include <stdio.h>

#include "trace.h"
#include "worker-stub.h"

static int install(LedgerWorld *world, const Edit *edits, size_t n, WorldKey key)
{
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, edits, n, key);
        ManifestInstalled installed;

        return ledger_install_manifest(world->ledger, manifest, &installed);
}

#define INSTALL(world, ...)                                                                                 \
        ({                                                                                                  \
                const Edit _edits[] = { __VA_ARGS__ };                                                      \
                install(world, _edits, ELEMENTSOF(_edits), KEY_MANIFEST);                                   \
        })

static int install_root(LedgerWorld *world, const Edit *edits, size_t n, const WorldKey *keys)
{
        _cleanup_(freep) char *root = signed_root_edited(&world->made, edits, n, keys);

        return ledger_install_root(world->ledger, root);
}

static const WorldKey two_roots[] = { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX };

#define NEXT                                                                                                \
        {                                                                                                   \
                "\"version\":1", "\"version\":2"                                                            \
        }

/* Rejected with this reason and this trace; what was in force stays in force. */
static void assert_manifest_refused(LedgerWorld *world, const char *manifest, DevboxError reason,
                                    Trace trace)
{
        uint64_t size = ledger_world_size(world);
        ManifestInstalled installed;
        LedgerStatus before, after;

        ledger_status(world->ledger, &before);
        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), reason);
        assert_trace(world, size, reason, trace);
        ledger_status(world->ledger, &after);
        assert_true(sha256_equal(&before.manifest_sha256, &after.manifest_sha256) && after.in_force);
}

static void assert_root_refused(LedgerWorld *world, const char *root, DevboxError reason)
{
        uint64_t size = ledger_world_size(world);
        LedgerStatus status;

        assert_int_equal(ledger_install_root(world->ledger, root), reason);
        assert_trace(world, size, reason, TRACE_COUNT);
        ledger_status(world->ledger, &status);
        assert_int_equal(status.root_version, 1);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define SMALL "0100000000000000000000000000000000000000000000000000000000000000"

#define NEWER                                                                                               \
        {                                                                                                   \
                "\"version\":7", "\"version\":8"                                                            \
        }

static void test_3_15_16_manifests(void **state)
{
        static const struct {
                DevboxError reason;
                Trace trace;
                WorldKey key;
                Edit edits[2];
        } rows[] = {
                /* 3: keys that are none */
                { DEVBOX_ERROR_BAD_SCHEMA, TRACE_ENTRY, KEY_MANIFEST, { NEWER, { "@dispatcher@", ZEROS } } },
                { DEVBOX_ERROR_BAD_SCHEMA, TRACE_ENTRY, KEY_MANIFEST, { NEWER, { "@dispatcher@", SMALL } } },
                { DEVBOX_ERROR_BAD_SCHEMA, TRACE_ENTRY, KEY_MANIFEST, { NEWER, { "@attester@", SMALL } } },
                { DEVBOX_ERROR_BAD_SCHEMA, TRACE_ENTRY, KEY_MANIFEST, { NEWER, { "@bob@", SMALL } } },
                { DEVBOX_ERROR_BAD_SCHEMA, TRACE_ENTRY, KEY_MANIFEST, { NEWER, { "@device@", ZEROS } } },
                /* 15 */
                { DEVBOX_ERROR_MANIFEST_ROLLBACK,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { { "\"version\":7", "\"version\":6" } } },
                { DEVBOX_ERROR_MANIFEST_FORK,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { { "1759900000000", "1759900000001" } } },
                /* 16 */
                { DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE, TRACE_COUNT, KEY_DISPATCHER, { NEWER } },
                { DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE, TRACE_COUNT, KEY_STRANGER, { NEWER } },
                { DEVBOX_ERROR_WRONG_DEVICE, TRACE_ENTRY, KEY_MANIFEST, { { "dev-a", "dev-b" } } },
                { DEVBOX_ERROR_WRONG_DEVICE,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { NEWER, { "@device@", "@stranger@" } } },
                /* and what else may be wrong with one */
                { DEVBOX_ERROR_ROOT_NEEDED,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { { "\"epoch\":1", "\"epoch\":2" } } },
                { DEVBOX_ERROR_MANIFEST_EXPIRED,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { NEWER, { "1762000000000", "1759950000000" } } },
                { DEVBOX_ERROR_MANIFEST_CEILING,
                  TRACE_ENTRY,
                  KEY_MANIFEST,
                  { NEWER, { "/usr/bin/df", "/usr/bin/env" } } },
        };
        LedgerWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *manifest =
                        signed_manifest(&world->made, rows[i].edits, 2, rows[i].key);

                assert_manifest_refused(world, manifest, rows[i].reason, rows[i].trace);
        }

        /* 3: S + L */
        const Edit newer[] = { NEWER };
        _cleanup_(freep) char *malleated =
                signed_malleate(signed_manifest(&world->made, newer, 1, KEY_MANIFEST));
        assert_manifest_refused(world, malleated, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE, TRACE_COUNT);
        ledger_world_verify(world);
}

static void test_18_manifest_expires_in_force(void **state)
{
        LedgerWorld *world = *state;

        world->time.now_ms = UINT64_C(1762000000001);
        world->made.shift_ms = 0;
        _cleanup_(freep) char *same = signed_manifest(&world->made, NULL, 0, KEY_MANIFEST);
        ManifestInstalled installed;
        assert_int_equal(ledger_install_manifest(world->ledger, same, &installed), 0);
        assert_true(installed.unchanged);
        world->made.shift_ms = 0;
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { { "1760000000000", "1761999999000" },
                                                                { "1760000060000", "1762000060000" } } }),
                DEVBOX_ERROR_UNKNOWN_KEY); /* the dispatcher's key ended with it */
        ledger_world_verify(world);        /* and history can be read all the same */
}

static void test_18_expired_manifest(void **state)
{
        LedgerWorld *world = *state;

        assert_int_equal(
                INSTALL(world, { "\"version\":7", "\"version\":8" }, { "1762000000000", "1760500000000" }),
                0);
        world->time.now_ms = UINT64_C(1760500000001);
        world->made.shift_ms = 1760500000001 - (int64_t) WORLD_NOW;
        assert_case_refused(world, &(Case){ .request = { NEWER } }, DEVBOX_ERROR_MANIFEST_EXPIRED,
                            TRACE_ENTRY);
        ledger_world_verify(world); /* history can be read all the same */
}

/* 13, 18: a clock that stepped back revives no manifest, neither a received one nor the one in force. */
static void test_13_18_manifests_and_the_time_floor(void **state)
{
        LedgerWorld *world = *state;
        LedgerStatus status;
        Sibling sibling;

        assert_int_equal(
                INSTALL(world, { "\"version\":7", "\"version\":8" }, { "1762000000000", "1760500000000" }),
                0);
        sibling_init(&sibling, 1);
        world->time.now_ms = UINT64_C(1760499999999);
        world->made.shift_ms = 1760499999999 - (int64_t) WORLD_NOW;
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0],
                                                                sibling.edits[1],
                                                                { "\"version\":7", "\"version\":8" } } }),
                0);
        world->made.shift_ms = 0;

        /* The floor is one millisecond before its end; now one that ended before that. */
        world->time.now_ms = WORLD_NOW;
        assert_int_equal(
                INSTALL(world, { "\"version\":7", "\"version\":9" }, { "1762000000000", "1760499999999" }),
                DEVBOX_ERROR_MANIFEST_EXPIRED);
        ledger_status(world->ledger, &status);
        assert_true(status.in_force);
        assert_int_equal(
                INSTALL(world, { "\"version\":7", "\"version\":9" }, { "1762000000000", "1760500000000" }),
                0);

        /* It expires by the floor, whatever the clock: within the skew, requests are still checked. */
        sibling_init(&sibling, 2);
        world->time.now_ms = UINT64_C(1760499999999);
        ledger_world_close(world);
        ledger_world_tamper(world, "UPDATE state SET value = 1760500000000 WHERE key = 'time_floor_ms'");
        ledger_world_open(world);
        ledger_world_begin_session(world);
        ledger_status(world->ledger, &status);
        assert_false(status.in_force);
        world->made.shift_ms = 1760499999999 - (int64_t) WORLD_NOW;
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { sibling.edits[0],
                                                                sibling.edits[1],
                                                                { "\"version\":7", "\"version\":9" } } }),
                DEVBOX_ERROR_MANIFEST_EXPIRED);
}

/* The one signature of an envelope a second time, which signing twice does not give. */
static char *double_signature(char *text)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;

        assert_int_equal(envelope_parse(bytes_of_string(text), ENVELOPE_PAYLOAD_MAX, &envelope), 0);
        free(text);
        envelope->signatures[1] = envelope->signatures[0];
        envelope->n_signatures = 2;
        assert_ok(envelope_format(envelope, &text));
        return text;
}

/* A rejected root was not made with the keys: it is only counted. */
static void test_3_17_roots_out_of_order(void **state)
{
        static const struct {
                DevboxError reason;
                Edit edits[2];
                WorldKey keys[3];
        } rows[] = {
                /* 17: a version left out; signed only by its own new key; a key that counts twice */
                { DEVBOX_ERROR_ROOT_CHAIN,
                  { { "\"version\":1", "\"version\":3" } },
                  { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
                { DEVBOX_ERROR_ROOT_CHAIN,
                  { NEXT,
                    { "\"threshold\":2,\"keys\":[\"@root-a@\"",
                      "\"threshold\":1,\"keys\":[\"@stranger@\"" } },
                  { KEY_STRANGER, _KEY_MAX } },
                { DEVBOX_ERROR_ROOT_CHAIN, { NEXT }, { KEY_ROOT_A, KEY_ROOT_A, _KEY_MAX } },
                { DEVBOX_ERROR_ROOT_CHAIN, { NEXT }, { KEY_STRANGER, _KEY_MAX } },
                /* 3: keys that are none */
                { DEVBOX_ERROR_BAD_SCHEMA,
                  { NEXT, { "@witness@", ZEROS } },
                  { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
                { DEVBOX_ERROR_BAD_SCHEMA,
                  { NEXT, { "@root-c@", SMALL } },
                  { KEY_ROOT_A, KEY_ROOT_B, _KEY_MAX } },
        };
        LedgerWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *root =
                        signed_root_edited(&world->made, rows[i].edits, 2, rows[i].keys);

                assert_root_refused(world, root, rows[i].reason);
        }

        /* 17: one key twice, in the place of a second; 3: S + L in the place of the first */
        const Edit next[] = { NEXT };
        _cleanup_(freep) char *doubled = double_signature(signed_root_edited(
                                      &world->made, next, 1, (const WorldKey[]){ KEY_ROOT_A, _KEY_MAX })),
                              *malleated =
                                      signed_malleate(signed_root_edited(&world->made, next, 1, two_roots));
        assert_root_refused(world, doubled, DEVBOX_ERROR_ROOT_CHAIN);
        assert_root_refused(world, malleated, DEVBOX_ERROR_ROOT_CHAIN);
        ledger_world_verify(world);
}

static void test_next_root(void **state)
{
        LedgerWorld *world = *state;
        const Edit next[] = { NEXT }, lab = { "\"home\"", "\"lab\"" };
        uint64_t size = ledger_world_size(world);

        assert_int_equal(install_root(world, NULL, 0, two_roots), 0); /* the current one */
        assert_int_equal(install_root(world, next, 1, two_roots), 0);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0); /* the manifest is still in force */
        /* The hub sends all there were, and one of another network is none of them. */
        for (int i = 0; i < 2; i++)
                assert_int_equal(install_root(world, i > 0 ? next : NULL, i > 0, two_roots), 0);
        assert_int_equal(install_root(world, &lab, 1, two_roots), DEVBOX_ERROR_ROOT_CHAIN);
        assert_true(ledger_world_size(world) == size + 2);
        ledger_world_verify(world);
}

/* A manifest that a root made void stays void when a new key signs it under the old version. */
static void test_void_manifest_signed_again(void **state)
{
        LedgerWorld *world = *state;
        const Edit rotated[] = { NEXT, { "\"@manifest@\"", "\"@stranger@\"" } };

        assert_int_equal(install_root(world, rotated, 2, two_roots), 0);
        assert_int_equal(install(world, NULL, 0, KEY_STRANGER), DEVBOX_ERROR_MANIFEST_FORK);
        const Edit newer[] = { { "\"version\":7", "\"version\":8" } };
        assert_int_equal(install(world, newer, 1, KEY_STRANGER), 0);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { { "\"version\":7", "\"version\":8" } } }),
                0);
}

static void test_40_new_operator_and_tombstone(void **state)
{
        LedgerWorld *world = *state;
        const Edit rotated[] = { NEXT,
                                 { "\"epoch\":1", "\"epoch\":2" },
                                 { "\"@manifest@\"", "\"@stranger@\"" } };
        static const Edit empty[] = {
                { "\"version\":7", "\"version\":2147483647" },
                { "\"dispatchers\":[{\"pub\":\"@dispatcher@\",\"not_after\":1762000000000}]",
                  "\"dispatchers\":[]" },
        };
        char *tombstone_text = world_text(world_manifest, empty, 2);
        Sibling waiting;
        uint16_t type;

        /* No capabilities either: cut them off the text. */
        char *capabilities = strstr(tombstone_text, ",\"capabilities\":[");
        assert_non_null(capabilities);
        (void) stpcpy(capabilities, ",\"capabilities\":[]}");
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_MANIFEST, tombstone_text, KEY_MANIFEST);
        _cleanup_(freep) char *tombstone = NULL, *body = NULL;
        ManifestInstalled installed;
        free(tombstone_text);
        assert_ok(envelope_format(envelope, &tombstone));
        sibling_init(&waiting, 1);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { waiting.edits[0], waiting.edits[1] } }), 0);
        assert_int_equal(ledger_install_manifest(world->ledger, tombstone, &installed), 0);
        assert_int_equal(worker_stub_start(world, waiting.id), DEVBOX_ERROR_PEER_REVOKED);
        body = ledger_world_entry(world, 1, &type);
        assert_int_equal(type, AUDIT_REVOKE);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), DEVBOX_ERROR_PEER_REVOKED);
        assert_int_equal(INSTALL(world, { "\"version\":7", "\"version\":8" }),
                         DEVBOX_ERROR_MANIFEST_ROLLBACK);

        /* Only a new epoch brings it back, under a new operator's key. */
        assert_int_equal(install_root(world, rotated, 3, two_roots), 0);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), DEVBOX_ERROR_MANIFEST_MISSING);
        assert_int_equal(worker_stub_start(world, waiting.id), DEVBOX_ERROR_MANIFEST_MISSING);
        /* 16: the key that signed manifests until now signs none any more. */
        const Edit revived[] = { { "\"epoch\":1", "\"epoch\":2" }, { "\"version\":7", "\"version\":1" } };
        _cleanup_(freep) char *checkpoint = NULL;
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0); /* with what was counted so far */
        uint64_t size = ledger_world_size(world);
        assert_int_equal(install(world, revived, 2, KEY_MANIFEST), DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE);
        assert_trace(world, size, DEVBOX_ERROR_MANIFEST_INVALID_SIGNATURE, TRACE_COUNT);
        assert_int_equal(install(world, revived, 2, KEY_STRANGER), 0);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { { "\"epoch\":1", "\"epoch\":2" },
                                                                { "\"version\":7", "\"version\":1" } } }),
                0);
        ledger_world_verify(world);
        ledger_world_close(world);
        ledger_world_open(world);
        ledger_world_verify(world);
}

static void test_ceiling(void **state)
{
        static const struct {
                const char *yaml, *problem;
        } rows[] = {
                { "v: 1\ncapabilities: [fs.read]\nread: [/home]\n", NULL },
                { "", ":1: " },
                { "v: 2\n", ":1: v " },
                { "v: 1\nprograms: [ls]\n", ":2: programs" },
                { "v: 1\nsudo: true\n", "sudo" },
                { "a: &b\n", ": " },
        };
        LedgerWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ledger_world_write_ceiling(world, rows[i].yaml);
                assert_ok(ledger_reload(world->ledger));
                const char *problem = ledger_ceiling_problem(world->ledger);
                if (!rows[i].problem != !problem || (problem && !strstr(problem, rows[i].problem)))
                        fail_msg("%s: %s", rows[i].yaml, strempty(problem));
                Sibling sibling;
                sibling_init(&sibling, (unsigned) i);
                assert_int_equal(ledger_world_judge(world, &(Case){ .request = { sibling.edits[0],
                                                                                 sibling.edits[1] } }),
                                 DEVBOX_ERROR_MANIFEST_CEILING);
        }
}

static void test_manifest_adopts_a_replaced_key(void **state)
{
        LedgerWorld *world = *state;
        uint8_t session[SESSION_NONCE_SIZE];
        LedgerStatus status;
        _cleanup_(freep) char *checkpoint = NULL, *body = NULL;
        uint16_t type;

        ledger_world_close(world);
        ledger_world_set_key(world, KEY_WITNESS);
        ledger_world_open(world);
        ledger_status(world->ledger, &status);
        assert_true(status.adoption_needed);
        assert_int_equal(ledger_begin_session(world->ledger, session), DEVBOX_ERROR_NOT_ENROLLED);
        assert_int_equal(ledger_checkpoint(world->ledger, 0, &checkpoint), DEVBOX_ERROR_NOT_ENROLLED);
        assert_int_equal(INSTALL(world, { "\"version\":7", "\"version\":8" }), DEVBOX_ERROR_WRONG_DEVICE);

        assert_int_equal(
                INSTALL(world, { "\"version\":7", "\"version\":8" }, { "\"@device@\"", "\"@witness@\"" }),
                0);
        ledger_status(world->ledger, &status);
        assert_false(status.adoption_needed);
        body = ledger_world_entry(world, 2, &type);
        assert_int_equal(type, AUDIT_ADOPT);
        ledger_world_begin_session(world);
        assert_int_equal(
                ledger_world_judge(world, &(Case){ .request = { { "\"version\":7", "\"version\":8" } } }),
                0);
        ledger_world_close(world);
        ledger_world_open(world);
        ledger_status(world->ledger, &status);
        assert_false(status.adoption_needed);
        ledger_world_verify(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_3_15_16_manifests),
                ledger_test(test_18_manifest_expires_in_force),
                ledger_test(test_18_expired_manifest),
                ledger_test(test_13_18_manifests_and_the_time_floor),
                ledger_test(test_3_17_roots_out_of_order),
                ledger_test(test_next_root),
                ledger_test(test_void_manifest_signed_again),
                ledger_test(test_40_new_operator_and_tombstone),
                ledger_test(test_ceiling),
                ledger_test(test_manifest_adopts_a_replaced_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
