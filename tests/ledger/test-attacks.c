/* SPDX-License-Identifier: MIT */
/* The attacks on requests as rows, each with the exact refusal and what it leaves behind. That nothing ran
 * is shown by the outcome: only LEDGER_ACCEPTED lets anything run, and only once. */

#include <stdio.h>

#include "codec/strict-json.h"
#include "ledger-world.h"

/* What a refusal leaves in the chain. */
typedef enum Trace {
        ENTRY,   /* one entry, no more */
        COUNTED, /* one count in the next `suppressed` */
} Trace;

typedef struct Attack {
        const char *name;
        DevboxError expected;
        Trace trace;
        Case given;
} Attack;

static const Attack attacks[] = {
        { "1, 16: signed by a key of nobody",
          DEVBOX_ERROR_UNKNOWN_KEY,
          COUNTED,
          { .request_key = KEY_STRANGER } },
        { "16: signed by the manifest's key",
          DEVBOX_ERROR_UNKNOWN_KEY,
          COUNTED,
          { .request_key = KEY_MANIFEST } },
        { "a delivery by nobody", DEVBOX_ERROR_UNKNOWN_KEY, COUNTED, { .delivery_key = KEY_STRANGER } },
        { "4: a key twice",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { { "\"args\"", "\"capability\":\"fs.read\",\"args\"" } } } },
        { "5: an unknown field",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { { "\"args\"", "\"sudo\":true,\"args\"" } } } },
        { "5: a float",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { { "\"version\":7", "\"version\":7.0" } } } },
        { "5: depth 9",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { ARGS("{\"argv\":[[[[[[[\"x\"]]]]]]]}") } } },
        { "5: 2^53",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { { "\"version\":7", "\"version\":9007199254740992" } } } },
        { "5: NUL in a text",
          DEVBOX_ERROR_BAD_SCHEMA,
          ENTRY,
          { .request = { { "\"/home\"", "\"/home\\u0000x\"" } } } },
        { "7: for another device",
          DEVBOX_ERROR_WRONG_DEVICE,
          ENTRY,
          { .request = { { "dev-a", "dev-b" } } } },
        { "9: of an old session",
          DEVBOX_ERROR_SESSION_MISMATCH,
          ENTRY,
          { .delivery = { { "53535353535353535353535353535353", "52525252525252525252525252525252" } } } },
        { "14: issued 31 s ahead",
          DEVBOX_ERROR_NOT_YET_VALID,
          ENTRY,
          { .request = { { "1760000000000", "1760000041000" } } } },
        { "14: expired 31 s ago",
          DEVBOX_ERROR_EXPIRED,
          ENTRY,
          { .request = { { "1760000000000", "1759999970000" }, { "1760000060000", "1759999979000" } } } },
        { "made for an older manifest",
          DEVBOX_ERROR_STALE_MANIFEST,
          ENTRY,
          { .request = { { "\"version\":7", "\"version\":6" } } } },
        { "made for a newer manifest",
          DEVBOX_ERROR_MANIFEST_NEEDED,
          ENTRY,
          { .request = { { "\"version\":7", "\"version\":8" } } } },
        { "not an operator", DEVBOX_ERROR_OPERATOR_UNKNOWN, ENTRY, { .request = { { "@ana", "@eve" } } } },
        { "19: of no kind there is",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          ENTRY,
          { .request = { KIND("shell.sudo") } } },
        { "19: another case",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          ENTRY,
          { .request = { KIND("shell.Exec") } } },
        { "19: a space that nobody sees",
          DEVBOX_ERROR_UNKNOWN_CAPABILITY,
          ENTRY,
          { .request = { KIND("shell.exec\\u200b") } } },
        { "another program",
          DEVBOX_ERROR_BINARY_NOT_ALLOWED,
          ENTRY,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/rm\",\"-rf\",\"/\"]}") } } },
        { "one path too many",
          DEVBOX_ERROR_ARGS_DENIED,
          ENTRY,
          { .request = { ARGS("{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home\",\"/etc/shadow\"]}") } } },
        { "28: without the approval it needs", DEVBOX_ERROR_APPROVAL_MISSING, ENTRY, { .request = WRITE } },
        { "29: approved another request",
          DEVBOX_ERROR_APPROVAL_MISMATCH,
          ENTRY,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "@@request@@",
                            "00000000000000000000000000000000000000000000000000000000000000aa" } } } },
        { "30: approved by who asks",
          DEVBOX_ERROR_APPROVAL_DENIED,
          ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@ana" } } } },
        { "30: approved by who is not listed",
          DEVBOX_ERROR_APPROVAL_DENIED,
          ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "@bob", "@mallory" } } } },
        { "30: approved twice by one",
          DEVBOX_ERROR_APPROVAL_DENIED,
          ENTRY,
          { .request = RESTART,
            .n_approvals = 2,
            .approval = { { "\"reaction\"", "\"message\"" } },
            .second = { { "\"reaction\"", "\"message\"" }, { "$ask", "$ask2" } } } },
        { "31: the approval has expired",
          DEVBOX_ERROR_APPROVAL_EXPIRED,
          ENTRY,
          { .request = WRITE,
            .n_approvals = 1,
            .approval = { { "1760000005000", "1759999970000" }, { "1760000065000", "1759999979000" } } } },
        { "31: denied",
          DEVBOX_ERROR_APPROVAL_DENIED,
          ENTRY,
          { .request = WRITE, .n_approvals = 1, .approval = { { "\"approve\"", "\"deny\"" } } } },
        { "an attester where the approver's own key must sign",
          DEVBOX_ERROR_APPROVAL_DENIED,
          ENTRY,
          { .request = DOCKER, .n_approvals = 1, .approval = { { "\"reaction\"", "\"message\"" } } } },
};

static void assert_contains(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("no %s in %s", part, text);
}

/* The last entry says why, and the signed result says the same. */
static void check_entry(LedgerWorld *world, const Attack *attack, const LedgerAnswer *answer)
{
        uint16_t type;
        char reason[96];
        _cleanup_(freep) char *body = ledger_world_entry(world, 1, &type);

        (void) snprintf(reason, sizeof reason, "\"reason\":\"%s\"", devbox_error_code(attack->expected));
        assert_int_equal(type, AUDIT_REQUEST_DENIED);
        assert_contains(body, reason);
        assert_true(answer->logged);
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

static void check_count(LedgerWorld *world, const Attack *attack, uint64_t size)
{
        _cleanup_(freep) char *checkpoint = NULL, *body = NULL;
        uint16_t type;
        char wanted[96];

        assert_true(ledger_world_size(world) == size);
        assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
        assert_true(ledger_world_size(world) == size + 1);
        body = ledger_world_entry(world, 1, &type);
        assert_int_equal(type, AUDIT_SUPPRESSED);
        (void) snprintf(wanted, sizeof wanted, "{\"reason\":\"%s\",\"count\":1}",
                        devbox_error_code(attack->expected));
        assert_string_equal(body, wanted);
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

                sibling_init(&sibling, (unsigned) i); /* ids and nonces are spent by some refusals */
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
                if (attack->trace == COUNTED)
                        check_count(world, attack, size);
                else {
                        assert_true(ledger_world_size(world) == size + 1);
                        check_entry(world, attack, &answer);
                }
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

static void test_1_any_flipped_bit_is_only_counted(void **state)
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

static void test_2_a_manifest_is_no_request(void **state)
{
        LedgerWorld *world = *state;
        _cleanup_(signed_bundle_done) SignedBundle bundle = { 0 };
        _cleanup_(freep) char *manifest = signed_manifest(&world->made, NULL, 0, KEY_DISPATCHER);

        signed_bundle(&world->made, &(Case){ 0 }, &bundle);
        assert_int_equal(put_texts(world, manifest, bundle.delivery), DEVBOX_ERROR_BAD_SIG);
        assert_int_equal(put_texts(world, bundle.delivery, bundle.delivery), DEVBOX_ERROR_BAD_SIG);
}

static void test_6_what_is_no_envelope(void **state)
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_attacks),
                ledger_test(test_1_any_flipped_bit_is_only_counted),
                ledger_test(test_2_a_manifest_is_no_request),
                ledger_test(test_6_what_is_no_envelope),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
