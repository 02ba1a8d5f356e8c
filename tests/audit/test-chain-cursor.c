/* SPDX-License-Identifier: MIT */
/* The audit chain: what it detects, and the bodies of its entries. (Walks, cuts and forks: also
 * test-vectors.c.)
 */

#include "audit/chain-cursor.h"

#include "audit/body.h"
#include "audit/witness.h"
#include "proto/error.h"

#include "trust/world.h"

#define N 200

static const ChainId chain = { { 1, 2, 3 } };

static void make_chain(AuditEntry entries[N], ChainCursor *cursor)
{
        chain_cursor_begin(cursor, &chain, "dev-a");
        for (size_t i = 0; i < N; i++)
                chain_cursor_append(cursor, i == 0 ? AUDIT_GENESIS : AUDIT_SESSION, 1760000000000 + i,
                                    bytes_of_string("{\"n\":1}"), &entries[i]);
}

static int walk_all(const AuditEntry *entries, size_t n, ChainCursor *ret_walk)
{
        int fault = 0;

        chain_cursor_begin(ret_walk, &chain, "dev-a");
        for (size_t i = 0; fault == 0 && i < n; i++)
                fault = chain_cursor_next(ret_walk, &entries[i]);

        return fault;
}

static void test_appended_entries_verify(void **state)
{
        AuditEntry entries[N];
        ChainCursor made, cursor;

        make_chain(entries, &made);
        assert_err(walk_all(entries, N, &cursor), 0);
        assert_int_equal(cursor.size, N);
        assert_true(sha256_equal(&cursor.head, &made.head));
}

/* Any bit of any field: the first bad entry is named exactly. */
static void test_every_altered_bit_is_detected(void **state)
{
        AuditEntry entries[N];
        ChainCursor cursor;

        make_chain(entries, &cursor);
        for (size_t bit = 0; bit < offsetof(AuditEntry, type) * 8; bit++) {
                AuditEntry *entry = &entries[bit % (N - 1) + 1];

                ((uint8_t *) entry)[bit / 8] ^= (uint8_t) (1 << bit % 8);
                assert_true(walk_all(entries, N, &cursor) > 0);
                assert_int_equal(cursor.size, entry - entries);
                ((uint8_t *) entry)[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }

        for (size_t bit = 0; bit < SHA256_SIZE * 8; bit++) {
                AuditEntry *entry = &entries[bit % N];

                entry->hash.bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                assert_err(walk_all(entries, N, &cursor), AUDIT_FAULT_HASH);
                assert_int_equal(cursor.size, entry - entries);
                entry->hash.bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}

/* The witness detects every truncation of its chain, which the cursor alone cannot. A statement that was
 * true when it was made proves nothing; one that never was, or of which nothing was kept, does. */
static void test_witness_detects_every_truncation(void **state)
{
        AuditEntry entries[N];
        ChainCursor cursor;

        make_chain(entries, &cursor);
        Checkpoint seen = { .device = "dev-a", .chain = chain, .size = N, .head = cursor.head };
        for (size_t left = 1; left < N; left++) {
                WitnessGrowth growth;
                Checkpoint claimed = seen;

                assert_err(walk_all(entries, left, &cursor), 0);
                claimed.size = left;
                claimed.head = cursor.head;
                assert_err(witness_begin(&growth, &seen, &cursor.head, &claimed),
                           DEVBOX_ERROR_WITNESS_STALE);
                assert_err(witness_begin(&growth, &seen, &seen.head, &claimed),
                           DEVBOX_ERROR_WITNESS_ROLLBACK);
                assert_err(witness_begin(&growth, &seen, NULL, &claimed), DEVBOX_ERROR_WITNESS_ROLLBACK);
        }
}

static void test_witness_adds_its_signature(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint checkpoint = { .device = "dev-a", .chain = chain, .size = 7 }, opened;
        KeySet device = { CHECKPOINT_DEVICE_ROLE, key_pair_public(world_key(KEY_DEVICE)), 1, 1 };
        KeySet witness = { CHECKPOINT_WITNESS_ROLE, key_pair_public(world_key(KEY_WITNESS)), 1, 1 };

        assert_ok(checkpoint_sign(&checkpoint, world_key(KEY_DEVICE), &envelope));
        assert_err(envelope_verify(envelope, ENVELOPE_CHECKPOINT, &witness, NULL), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_ok(envelope_sign(envelope, CHECKPOINT_WITNESS_ROLE, world_key(KEY_WITNESS)));
        assert_err(checkpoint_open(envelope, &device, &opened), 0);
        assert_int_equal(opened.size, 7);
        assert_err(envelope_verify(envelope, ENVELOPE_CHECKPOINT, &witness, NULL), 0);
}

/* No Linux clock is later than 2262: the kernel counts nanoseconds in 63 bits. */
static void test_time_out_of_range(void **state)
{
        static const struct {
                uint64_t time_ms;
                int fault;
        } rows[] = { { 0, 0 },
                     { AUDIT_TIME_MAX_MS, 0 },
                     { AUDIT_TIME_MAX_MS + 1, AUDIT_FAULT_TIME },
                     { UINT64_MAX, AUDIT_FAULT_TIME } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ChainCursor made, read;
                AuditEntry entry;

                chain_cursor_begin(&made, &chain, "dev-a");
                chain_cursor_begin(&read, &chain, "dev-a");
                chain_cursor_append(&made, AUDIT_GENESIS, rows[i].time_ms, bytes_of_string("{}"), &entry);
                assert_err(chain_cursor_next(&read, &entry), rows[i].fault);
        }
}

static void test_type_names(void **state)
{
        for (uint16_t type = 0; type < _AUDIT_TYPE_MAX; type++)
                assert_string_not_equal(audit_type_name(type), "unknown");
        assert_string_equal(audit_type_name(AUDIT_REQUEST_DENIED), "req.denied");
        assert_string_equal(audit_type_name(_AUDIT_TYPE_MAX), "unknown");
        for (int fault = 1; fault < _AUDIT_FAULT_MAX; fault++)
                assert_string_not_equal(audit_fault_sentence((AuditFault) fault), "no fault");
}

static void test_body_round_trip(void **state)
{
        static char id[] = "01K75A3Q000000000000000001", principal[] = "@ana:hs.example",
                    room[] = "!r:hs.example";
        static char capability[] = "shell.exec", entry[] = "ls-home",
                    json[] = "{\"argv\":[\"/usr/bin/ls\"]}";
        static char status[] = "rejected_nonce", reason[] = "nonce_replay", device[] = "dev-a",
                    message[] = "$ask";
        AuditApproval approvals[] = { { principal, message, APPROVAL_REACTION, { { 9 } } } };
        AuditBody body = { .request_id = id,
                           .request_sha256 = { { 1 } },
                           .capability = capability,
                           .entry = entry,
                           .principal = principal,
                           .room = room,
                           .arguments = json,
                           .arguments_sha256 = { { 2 } },
                           .manifest = { 1, 7, { { 3 } } },
                           .approvals = { approvals, 1 },
                           .status = status,
                           .reason = reason,
                           .count = 3,
                           .device = device,
                           .key = { { 4 } },
                           .old_key = { { 5 } },
                           .sha256 = { { 6 } },
                           .epoch = 1,
                           .version = 7,
                           .size = 9,
                           .exit_code = -1,
                           .head = { { 7 } } };

        for (int type = 0; type < _AUDIT_TYPE_MAX; type++) {
                _cleanup_(freep) char *text = NULL, *again = NULL;
                AuditBody *read = NULL;
                SchemaFault fault;

                if (audit_body_format((AuditType) type, &body, &text, &fault) != 0)
                        fail_msg("%s: %s %s", audit_type_name((uint16_t) type), fault.path, fault.why);
                assert_err(audit_body_parse((AuditType) type, bytes_of_string(text), &read, NULL), 0);
                assert_err(audit_body_format((AuditType) type, read, &again, NULL), 0);
                assert_string_equal(text, again);
                assert_null(audit_body_free((AuditType) type, read));
        }

        _cleanup_(freep) char *none = NULL;
        body.request_id = NULL;
        assert_err(audit_body_format(AUDIT_REQUEST_ACCEPTED, &body, &none, NULL), DEVBOX_ERROR_BAD_SCHEMA);
}

/* Nothing that must not last is ever written. */
static void test_redacted_arguments_leave_a_digest(void **state)
{
        static const Edit edits[] = {
                { "shell.exec", "fs.write" },
                { "{\"argv\":[\"/usr/bin/ls\",\"--\",\"/home\"]}",
                  "{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\",\"content_b64\":\"aGVsbG8=\"}" },
                { "@@manifest@@", "00000000000000000000000000000000000000000000000000000000000000aa" }
        };
        static char key[] = "path";
        char *keys[] = { key };
        _cleanup_(freep) char *text = world_text(world_request, edits, 3);
        _cleanup_(freep) char *plain = NULL, *redacted = NULL, *denied = NULL;
        _cleanup_(request_freep) Request *request = NULL;
        Capability capability = { .kind = CAPABILITY_FS_WRITE },
                   strict = { .kind = CAPABILITY_FS_WRITE, .redact = { keys, 1 } };
        Sha256 first, second;

        assert_err(request_parse(bytes_of_string(text), &request, NULL), 0);
        assert_ok(audit_redact(request, &capability, &plain, &first));
        assert_string_equal(
                plain, "{\"root\":\"srv\",\"path\":\"x\",\"mode\":\"create\",\"content_b64\":{\"sha256\":"
                       "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\",\"size\":5}}");
        assert_ok(audit_redact(request, &strict, &redacted, &second));
        assert_true(startswith(redacted, "{\"root\":\"srv\",\"path\":{\"sha256\":\"2d711642b726b044"));
        assert_true(sha256_equal(&first, &second));
        assert_ok(audit_redact(request, NULL, &denied, &second));
        assert_null(strstr(denied, "srv"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_appended_entries_verify),
                cmocka_unit_test(test_every_altered_bit_is_detected),
                cmocka_unit_test(test_witness_detects_every_truncation),
                cmocka_unit_test(test_witness_adds_its_signature),
                cmocka_unit_test(test_time_out_of_range),
                cmocka_unit_test(test_type_names),
                cmocka_unit_test(test_body_round_trip),
                cmocka_unit_test(test_redacted_arguments_leave_a_digest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
