/* SPDX-License-Identifier: MIT */
/* Attacks on the ledger, each with the exact reason of its rejection and its trace (trace.h). They
 * bear numbers, which are in the names of rows and tests:
 *
 *      1  a flipped bit of content, signature, type        here
 *      2  one signed document as another                   here
 *      3  a signature with S + L; a key that is none       here; test-enroll.c
 *      4  a key twice                                      here
 *      5  what the profile of JSON leaves out              here
 *      6  no envelope                                      here
 *      7  for another device                               here
 *      8  the same delivery, a new one of the same         test-replay.c
 *      9  of an old session                                here; test-replay.c
 *     10  a repeated nonce                                 test-replay.c
 *     11  a repeated id                                    test-replay.c
 *     12  a restored database                              test-restored.c; tests/system/test_trust.py
 *     13  a clock that was set back                        test-replay.c; test-enroll.c
 *     14  dated ahead, expired                             here
 *     15  an older manifest, another of one version        test-enroll.c
 *     16  by a key of another role, or of none             here; test-enroll.c
 *     17  a root that does not follow                      test-enroll.c
 *     18  a manifest that has expired                      test-enroll.c
 *     19  a capability there is not                        here; bus/test-run-attacks.c
 *     20  a program that may not run                       bus/test-run-attacks.c; worker/test-program.c
 *     21  arguments beyond the entry                       bus/test-run-attacks.c; trust/test-accept.c
 *     22  a program that starts another                    worker/test-exec.c; network
 *     23  ld.so, memfd                                     network
 *     24  what a shell would execute                       bus/test-run-attacks.c; trust/test-accept.c
 *     25  a path out of its root, a FIFO, a second name    bus/test-run-attacks.c; worker/test-fs.c
 *     26  a path that changes                              worker/test-fs-race.c
 *     27  a planted link, a full disk, a crash             worker/test-fs.c; bus/test-run-crash.c
 *     28  without approval                                 here; network
 *     29  the approval of something else                   here
 *     30  approver not allowed                             here
 *     31  an approval that is over, or was used; withdrawn here; test-replay.c; bus/test-run.c
 *     33  an attester where the approver's key must sign   here
 *     35  a worker that signals another                    network
 *     36  endless output, a timeout                        worker/test-exec.c; network
 *     37  a thousand connections                           network
 *     38  a worker that reaches for a socket               network
 *     39  a ledger killed, a database changed              test-crash.c; test-enroll.c; bus/test-run-crash.c
 *     40  a device revoked                                 test-enroll.c; bus/test-run.c
 *
 * Paths are those in tests/; "network" is network/test_attacks.py. Without a ledger: tests/trust. Those by
 * documents are also made against an installed device: network/test_forgeries.py. */

#include <stdio.h>

#include "codec/strict-json.h"
#include "trace.h"

typedef struct Attack {
        const char *name;
        DevboxError expected;
        Trace trace;
        Case given;
} Attack;

static const Attack attacks[] = {
        { "1, 16: signed by an unknown key",
          DEVBOX_ERROR_UNKNOWN_KEY,
          TRACE_COUNT,
          { .request_key = KEY_STRANGER } },
        { "16: signed by the manifest's key",
          DEVBOX_ERROR_UNKNOWN_KEY,
          TRACE_COUNT,
          { .request_key = KEY_MANIFEST } },
        { "a delivery by an unknown key",
          DEVBOX_ERROR_UNKNOWN_KEY,
          TRACE_COUNT,
          { .delivery_key = KEY_STRANGER } },
        { "4: a key twice",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { { "\"args\"", "\"capability\":\"fs.read\",\"args\"" } } } },
        { "5: an unknown field",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { { "\"args\"", "\"sudo\":true,\"args\"" } } } },
        { "5: a float",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { { "\"version\":7", "\"version\":7.0" } } } },
        { "5: depth 9",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { ARGS("{\"argv\":[[[[[[[\"x\"]]]]]]]}") } } },
        { "5: 2^53",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { { "\"version\":7", "\"version\":9007199254740992" } } } },
        { "5: NUL in a text",
          DEVBOX_ERROR_BAD_SCHEMA,
          TRACE_ENTRY,
          { .request = { { "\"/home\"", "\"/home\\u0000x\"" } } } },
        { "7: for another device",
          DEVBOX_ERROR_WRONG_DEVICE,
          TRACE_ENTRY,
          { .request = { { "dev-a", "dev-b" } } } },
        { "9: of an old session",
          DEVBOX_ERROR_SESSION_MISMATCH,
          TRACE_ENTRY,
          { .delivery = { { "53535353535353535353535353535353", "52525252525252525252525252525252" } } } },
        { "14: issued 31 s ahead",
          DEVBOX_ERROR_NOT_YET_VALID,
          TRACE_ENTRY,
          { .request = { { "1760000000000", "1760000041000" } } } },
        { "14: expired 31 s ago",
          DEVBOX_ERROR_EXPIRED,
          TRACE_ENTRY,
          { .request = { { "1760000000000", "1759999970000" }, { "1760000060000", "1759999979000" } } } },
        { "made for an older manifest",
          DEVBOX_ERROR_STALE_MANIFEST,
          TRACE_ENTRY,
          { .request = { { "\"version\":7", "\"version\":6" } } } },
        { "made for a newer manifest",
          DEVBOX_ERROR_MANIFEST_NEEDED,
          TRACE_ENTRY,
          { .request = { { "\"version\":7", "\"version\":8" } } } },
        { "not an operator",
          DEVBOX_ERROR_OPERATOR_UNKNOWN,
          TRACE_ENTRY,
          { .request = { { "@ana", "@eve" } } } },
        { "19: of no kind there is",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          TRACE_ENTRY,
          { .request = { KIND("shell.sudo") } } },
        { "19: another case",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          TRACE_ENTRY,
          { .request = { KIND("shell.Exec") } } },
        { "19: an invisible space",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          TRACE_ENTRY,
          { .request = { KIND("shell.exec\\u200b") } } },
        { "another program",
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          TRACE_ENTRY,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/rm\",\"-rf\",\"/\"]}") } } },
        { "one path too many",
          DEVBOX_ERROR_ARGS_DENIED,
          TRACE_ENTRY,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home\",\"/etc/shadow\"]}") } } },
        { "28: without the approval it needs",
          DEVBOX_ERROR_APPROVAL_MISSING,
          TRACE_ENTRY,
          { .request = WRITE } },
        { "29: approved another request",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          TRACE_ENTRY,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "@@request@@",
                            "00000000000000000000000000000000000000000000000000000000000000aa" } } } },
        { "30: approved by the requester",
          DEVBOX_ERROR_APPROVAL_DENIED,
          TRACE_ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@ana" } } } },
        { "30: approved by who is not listed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          TRACE_ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@mallory" } } } },
        { "30: approved twice by one",
          DEVBOX_ERROR_APPROVAL_DENIED,
          TRACE_ENTRY,
          { .request = RESTART,
            .n_approvals = 2,
            .approval = { { "\"reaction\"", "\"message\"" } },
            .second = { { "\"reaction\"", "\"message\"" }, { "$ask", "$ask2" } } } },
        { "31: the approval has expired",
          DEVBOX_ERROR_APPROVAL_EXPIRED,
          TRACE_ENTRY,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "1760000005000", "1759999970000" }, { "1760000065000", "1759999979000" } } } },
        { "31: denied",
          DEVBOX_ERROR_APPROVAL_DENIED,
          TRACE_ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "\"approve\"", "\"deny\"" } } } },
        { "33: an attester where the approver's own key must sign",
          DEVBOX_ERROR_APPROVAL_DENIED,
          TRACE_ENTRY,
          { .request = DOCKER, .n_approvals = 1, .approval = { { "\"reaction\"", "\"message\"" } } } },
};

/* The signed result agrees with the last entry. */
static void check_answer(const LedgerWorld *world, const Attack *attack, const LedgerAnswer *answer)
{
        assert_int_equal(answer->logged, attack->trace == TRACE_ENTRY);
        if (!answer->logged)
                return;

        assert_true(answer->seq == ledger_world_size(world) - 1);
        assert_int_equal(!answer->result, answer->request_id[0] == '\0');
        if (answer->result) {
                _cleanup_(envelope_freep) Envelope *envelope = NULL;
                _cleanup_(result_freep) Result *result = NULL;
                KeySet keys = { "device", key_pair_public(world_key(KEY_DEVICE)), 1, 1 };

                assert_int_equal(envelope_parse(bytes_of_string(answer->result), 4096, &envelope), 0);
                assert_int_equal(envelope_verify(envelope, ENVELOPE_RESULT, &keys, NULL), 0);
                assert_int_equal(result_parse(envelope_payload(envelope), &result, NULL), 0);
                assert_int_equal(result->status, RESULT_DENIED);
                assert_string_equal(result->reason, devbox_error_code(attack->expected));
                assert_true(sha256_equal(&result->request_sha256, &answer->digest));
                assert_true((uint64_t) result->seq == answer->seq);
        }
}

static void add_edit(Edit edits[static 4], Edit edit)
{
        size_t i = 0;

        while (edits[i].from)
                i++;
        assert_true(i < 4);
        edits[i] = edit;
}

static void test_attacks(void **state)
{
        LedgerWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
                _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;
                const Attack *attack = &attacks[i];
                Case given = attack->given;
                Sibling sibling;

                sibling_init(&sibling, (unsigned) i); /* some denials use up ids and nonces */
                add_edit(given.request, sibling.edits[0]);
                add_edit(given.request, sibling.edits[1]);
                add_edit(given.approval, sibling.edits[0]);
                add_edit(given.second, sibling.edits[0]);
                uint64_t size = ledger_world_size(world);

                signed_bundle(&world->made, &given, &bundle);
                ledger_world_put(world, &bundle, &answer);
                if (answer.outcome != LEDGER_DENIED || answer.error != attack->expected)
                        fail_msg("%s: %d, %s instead of %s", attack->name, (int) answer.outcome,
                                 answer.error ? devbox_error_code(answer.error) : "nothing",
                                 devbox_error_code(attack->expected));
                assert_trace(world, size, attack->expected, attack->trace);
                check_answer(world, attack, &answer);
        }
        ledger_world_verify(world);
}

/* ---- bits and garbage: 1, 2, 3, 6 */

static DevboxError put_texts(LedgerWorld *world, const char *request, const char *delivery)
{
        _cleanup_(ledger_answer_done) LedgerAnswer answer = LEDGER_ANSWER_NULL;

        assert_int_equal(ledger_accept(world->ledger,
                                       &(LedgerBundle){ .request = request, .delivery = delivery }, &answer),
                         0);
        assert_int_equal(answer.outcome, LEDGER_DENIED);
        assert_false(answer.logged);
        return answer.error;
}

static void test_1_flipped_bits_are_only_counted(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        uint64_t size = ledger_world_size(world), n = 0;

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        for (size_t i = 0; i < strlen(bundle.request); i += 7)
                for (int bit = 0; bit < 7; bit += 3) {
                        _cleanup_(freep) char *flipped = strdup(bundle.request);

                        flipped[i] = (char) (flipped[i] ^ 1 << bit);
                        if (flipped[i] == '\0')
                                continue;
                        /* The key id is a hint; a bit there changes nothing that was signed. */
                        const char *hint = strstr(bundle.request, "\"keyid\":\"");
                        if (&bundle.request[i] >= hint && &bundle.request[i] < hint + 75)
                                continue;
                        DevboxError error = put_texts(world, flipped, bundle.delivery);
                        assert_true(error == DEVBOX_ERROR_BAD_SIG || error == DEVBOX_ERROR_BAD_ENVELOPE);
                        n++;
                }
        assert_true(ledger_world_size(world) == size);
        assert_true(n > 100);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
}

/* The same below the encoding, where each bit has its one answer. */
static void test_1_flipped_bit(void **state)
{
        LedgerWorld *world = *state;

        for (SignedPart part = SIGNED_TYPE; part <= SIGNED_SIGNATURE; part++)
                for (size_t i = 0; i < 8; i++) {
                        size_t bit = 8 + i * 32 + (part == SIGNED_TYPE ? 0 : i); /* letters stay letters */
                        _cleanup_(signed_bundle_done) SignedBundle request = { 0 }, delivery = { 0 };

                        signed_bundle(&world->made, &(Case){ 0 }, &request);
                        request.request = signed_flip(request.request, part, bit);
                        assert_refused(world, &request, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
                        signed_bundle(&world->made, &(Case){ 0 }, &delivery);
                        delivery.delivery = signed_flip(delivery.delivery, part, bit);
                        assert_refused(world, &delivery, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
                }
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);
}

static void test_2_manifest_in_place_of_a_request(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        free(bundle.request);
        bundle.request = signed_manifest(&world->made, NULL, 0, KEY_DISPATCHER);
        assert_refused(world, &bundle, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
        free(bundle.request);
        bundle.request = strdup(bundle.delivery);
        assert_refused(world, &bundle, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
}

/* Approvals are checked once the request is authenticated, so their rejection denies the request. */
static void test_3_malleated_signatures(void **state)
{
        static const Case write = { .request = WRITE, .n_approvals = 1 };
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle request = { 0 }, delivery = { 0 }, approval = { 0 };

        signed_bundle(&world->made, &write, &request);
        request.request = signed_malleate(request.request);
        assert_refused(world, &request, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
        signed_bundle(&world->made, &write, &delivery);
        delivery.delivery = signed_malleate(delivery.delivery);
        assert_refused(world, &delivery, DEVBOX_ERROR_BAD_SIG, TRACE_COUNT);
        signed_bundle(&world->made, &write, &approval);
        approval.approvals[0] = signed_malleate(approval.approvals[0]);
        assert_refused(world, &approval, DEVBOX_ERROR_APPROVAL_DENIED, TRACE_ENTRY);
        assert_int_equal(ledger_world_judge(world, &write), 0);
}

static void test_6_malformed_envelopes(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(freep) char *huge = malloc(1024 * 1024 + 1);
        static const char *const texts[] = { "", "{", "null", "[]", "{\"payloadType\":\"x\"}", "\xff\xfe" };

        memset(huge, 'A', 1024 * 1024);
        huge[1024 * 1024] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(put_texts(world, texts[i], texts[i]), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(put_texts(world, huge, huge), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_int_equal(ledger_accept(world->ledger,
                                       &(LedgerBundle){ "{}", "{}", .n_approvals = APPROVALS_MAX + 1 },
                                       &(LedgerAnswer){ 0 }),
                         DEVBOX_ERROR_BAD_REQUEST);
}

/* ---- approvals: 29, 30 */

static void test_29_arguments_change_after_the_approval(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle shown = { 0 }, sent = { 0 };

        signed_bundle(&world->made, &(Case){ .request = WRITE, .n_approvals = 1 }, &shown);
        signed_bundle(
                &world->made,
                &(Case){ .request = { KIND("fs.write"), ARGS("{\"root\":\"srv\",\"path\":\"y\",\"mode\":"
                                                             "\"create\",\"content_b64\":\"aGk=\"}") },
                         .n_approvals = 1 },
                &sent);
        free(sent.approvals[0]);
        sent.approvals[0] = TAKE_PTR(shown.approvals[0]);
        assert_refused(world, &sent, DEVBOX_ERROR_APPROVAL_MISMATCH, TRACE_ENTRY);
}

static void test_30_empty_approver_set(void **state)
{
        static const Edit nobody[] = {
                { "\"version\":7", "\"version\":8" },
                { "{\"mxid\":\"@bob:hs.example\",\"pub\":\"@bob@\"},{\"mxid\":\"@eve:hs.example\"},{"
                  "\"mxid\":\"@ana:hs.example\"}",
                  "" },
        };
        static const Edit newer = { "\"version\":7", "\"version\":8" };
        LedgerWorld *world = *state;
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, nobody, 2, KEY_MANIFEST);
        ManifestInstalled installed;
        Case given = { .request = WRITE, .n_approvals = 1 };

        assert_int_equal(ledger_install_manifest(world->ledger, manifest, &installed), 0);
        add_edit(given.request, newer);
        assert_case_refused(world, &given, DEVBOX_ERROR_APPROVAL_DENIED, TRACE_ENTRY);
        given.n_approvals = 0;
        assert_case_refused(world, &given, DEVBOX_ERROR_APPROVAL_DENIED, TRACE_ENTRY);
        assert_int_equal(ledger_world_judge(world, &(Case){ .request = { newer } }), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_attacks),
                ledger_test(test_1_flipped_bits_are_only_counted),
                ledger_test(test_1_flipped_bit),
                ledger_test(test_2_manifest_in_place_of_a_request),
                ledger_test(test_3_malleated_signatures),
                ledger_test(test_6_malformed_envelopes),
                ledger_test(test_29_arguments_change_after_the_approval),
                ledger_test(test_30_empty_approver_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
