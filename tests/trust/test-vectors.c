/* SPDX-License-Identifier: MIT */
/* The published vectors, which tests/second/check-vectors reads with a second implementation. */

#include <fcntl.h>
#include <stdio.h>

#include "audit/witness.h"
#include "basic/fd.h"
#include "codec/binary-text.h"
#include "codec/strict-json.h"
#include "proto/error.h"
#include "trust/answer.h"
#include "trust/claim.h"
#include "trust/permit.h"
#include "trust/worker-end.h"

#include "world.h"

static cJSON *load(const char *name)
{
        _cleanup_(freep) char *text = NULL;
        cJSON *tree = NULL;
        char path[512];
        size_t size;

        (void) snprintf(path, sizeof path, "%s/%s", VECTORS_DIR, name);
        assert_ok(fd_read_file_at(AT_FDCWD, path, 1 << 20, &text, &size));
        assert_ok(strict_json_parse(BYTES(text, size), size, &tree, NULL));
        return tree;
}

static const cJSON *at(const cJSON *object, const char *key)
{
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

        if (!item)
                fail_msg("the vectors have no %s", key);
        return item;
}

static const char *text_at(const cJSON *object, const char *key)
{
        return at(object, key)->valuestring;
}

static void hex_at(const cJSON *object, const char *key, void *ret_bytes, size_t size)
{
        assert_ok(hex_parse(text_at(object, key), ret_bytes, size));
}

static uint8_t *base64_of(const char *text, size_t *ret_size)
{
        uint8_t *bytes = NULL;

        assert_ok(base64_parse(text, 1 << 20, &bytes, ret_size));
        return bytes;
}

/* The envelope of a row; NULL if its type is none that an envelope can have. */
static Envelope *envelope_of(const char *type, Bytes payload, const cJSON *signatures)
{
        Envelope *envelope;
        const cJSON *signature;

        if (envelope_new(type, payload, &envelope) == -EINVAL)
                return NULL;

        cJSON_ArrayForEach(signature, signatures) {
                size_t size;
                _cleanup_(freep) uint8_t *bytes = base64_of(signature->valuestring, &size);

                assert_int_equal(size, SIGNATURE_SIZE);
                memcpy(envelope->signatures[envelope->n_signatures++].signature.bytes, bytes, size);
        }

        return envelope;
}

static void check_envelope(const cJSON *row)
{
        size_t size, n = 0;
        _cleanup_(freep) uint8_t *payload = base64_of(text_at(row, "payload"), &size);
        const char *type = text_at(row, "type");
        _cleanup_(envelope_freep) Envelope *envelope =
                envelope_of(type, BYTES(payload, size), at(row, "signatures"));
        Sha256 expected, digest;
        PublicKey keys[8];
        const cJSON *key;

        hex_at(row, "sha256", expected.bytes, SHA256_SIZE);
        dsse_digest(type, BYTES(payload, size), &digest);
        assert_true(sha256_equal(&digest, &expected));

        cJSON_ArrayForEach(key, at(row, "keys"))
                assert_ok(hex_parse(key->valuestring, keys[n++].bytes, PUBLIC_KEY_SIZE));

        KeySet set = { "root", keys, n, (size_t) at(row, "threshold")->valuedouble };
        bool good = envelope && envelope_verify(envelope, type, &set, NULL) == 0;
        if (good != streq(text_at(row, "expected"), "ok"))
                fail_msg("%s", text_at(row, "name"));
}

static void test_envelopes(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("envelopes.json");
        const cJSON *row;

        cJSON_ArrayForEach(row, at(tree, "vectors"))
                check_envelope(row);
        assert_in_range(cJSON_GetArraySize(at(tree, "vectors")), 20, 100);
}

/* An entry of a row; its body is the caller's to free. */
static uint8_t *entry_of(const cJSON *row, AuditEntry *ret_entry)
{
        size_t size;
        uint8_t *body = base64_of(text_at(row, "body"), &size);

        *ret_entry = (AuditEntry){ .seq = (uint64_t) at(row, "seq")->valuedouble,
                                   .time_ms = (uint64_t) at(row, "ts")->valuedouble,
                                   .type = (uint16_t) at(row, "type")->valueint,
                                   .body = BYTES(body, size) };
        hex_at(row, "prev", ret_entry->prev.bytes, SHA256_SIZE);
        hex_at(row, "hash", ret_entry->hash.bytes, SHA256_SIZE);
        return body;
}

static void check_chain(const cJSON *row)
{
        static const char *const faults[_AUDIT_FAULT_MAX] = { "ok",   "seq",  "prev", "hash",
                                                              "time", "type", "size" };
        const cJSON *item;
        ChainCursor walk;
        AuditEntry entry = { 0 };
        ChainId chain;
        int fault = 0;

        hex_at(row, "chain_id", chain.bytes, CHAIN_ID_SIZE);
        chain_cursor_begin(&walk, &chain, text_at(row, "device"));
        cJSON_ArrayForEach(item, at(row, "entries")) {
                _unused_ _cleanup_(freep) uint8_t *body = entry_of(item, &entry);

                fault = chain_cursor_next(&walk, &entry);
                if (fault != 0)
                        break;
        }

        if (!streq(faults[fault], text_at(row, "expected")))
                fail_msg("%s: got %s", text_at(row, "name"), faults[fault]);
        if (fault != 0)
                assert_int_equal(walk.size, at(row, "bad_at")->valueint);
        else {
                Sha256 head;

                hex_at(row, "head", head.bytes, SHA256_SIZE);
                assert_int_equal(walk.size, at(row, "size")->valueint);
                assert_true(sha256_equal(&walk.head, &head));
        }
}

static void test_chains(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("chains.json");
        const cJSON *row;

        cJSON_ArrayForEach(row, at(tree, "vectors"))
                check_chain(row);
        assert_in_range(cJSON_GetArraySize(at(tree, "vectors")), 15, 100);
}

static int witness(const cJSON *row, const Checkpoint *claimed)
{
        bool has_kept = *text_at(row, "kept") != '\0';
        Checkpoint seen = { 0 };
        WitnessGrowth growth;
        Sha256 kept;
        const cJSON *item;
        size_t size;
        _cleanup_(freep) uint8_t *text = base64_of(text_at(row, "seen"), &size);

        if (size > 0)
                assert_int_equal(checkpoint_parse(BYTES(text, size), &seen), 0);

        if (has_kept)
                hex_at(row, "kept", kept.bytes, SHA256_SIZE);

        int reason = witness_begin(&growth, &seen, has_kept ? &kept : NULL, claimed);
        cJSON_ArrayForEach(item, at(row, "entries")) {
                AuditEntry entry;
                _unused_ _cleanup_(freep) uint8_t *body = entry_of(item, &entry);

                if (reason == 0)
                        reason = witness_step(&growth, &entry);
        }

        return reason == 0 ? witness_finish(&growth) : reason;
}

static void check_checkpoint(const cJSON *row)
{
        size_t size;
        _cleanup_(freep) uint8_t *payload = base64_of(text_at(row, "payload"), &size);
        _cleanup_(json_deletep) cJSON *signatures = cJSON_CreateArray();
        _cleanup_(envelope_freep) Envelope *envelope = NULL;
        Checkpoint claimed;
        PublicKey key;

        assert_true(cJSON_AddItemToArray(signatures, cJSON_CreateString(text_at(row, "signature"))));
        envelope = envelope_of(ENVELOPE_CHECKPOINT, BYTES(payload, size), signatures);
        hex_at(row, "key", key.bytes, PUBLIC_KEY_SIZE);

        KeySet set = { CHECKPOINT_DEVICE_ROLE, &key, 1, 1 };
        int got = checkpoint_open(envelope, &set, &claimed);
        if (got == 0)
                got = witness(row, &claimed);

        const char *code = got == 0 ? "ok" : devbox_error_code((DevboxError) got);
        if (!streq(code, text_at(row, "expected")))
                fail_msg("%s: got %s", text_at(row, "name"), code);
}

static void test_checkpoints(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("checkpoints.json");
        const cJSON *row;

        cJSON_ArrayForEach(row, at(tree, "vectors"))
                check_checkpoint(row);
        assert_in_range(cJSON_GetArraySize(at(tree, "vectors")), 15, 100);
}

/* A document that is given in hexadecimal. */
typedef struct Raw {
        uint8_t bytes[2048];
        size_t size;
} Raw;

static Bytes raw_at(const cJSON *object, const char *key, Raw *raw)
{
        raw->size = strlen(text_at(object, key)) / 2;
        assert_true(raw->size <= sizeof raw->bytes);
        hex_at(object, key, raw->bytes, raw->size);
        return BYTES(raw->bytes, raw->size);
}

static void check_signature(const cJSON *row, const KeyPair *pair, const char *type, Bytes payload)
{
        Signature expected, signature;

        hex_at(row, cJSON_GetObjectItemCaseSensitive(row, "sig") ? "sig" : "checkpoint_sig", expected.bytes,
               SIGNATURE_SIZE);
        assert_ok(dsse_sign(pair, type, payload, &signature));
        assert_memory_equal(&signature, &expected, sizeof expected);
}

/* The vectors that the format was first published with; the same key signs all three. */
static void test_signing_vectors(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("signing.json");
        const cJSON *request = at(tree, "request"), *audit = at(tree, "audit");
        _cleanup_(approval_freep) Approval *approval = NULL;
        _cleanup_(key_pair_freep) KeyPair *pair = NULL;
        _cleanup_(secret_freep) Secret *seed = NULL;
        _cleanup_(freep) uint8_t *pae = NULL;
        Checkpoint checkpoint;
        Raw raw, other;
        Sha256 digest;
        size_t size;

        assert_ok(secret_new(raw_at(request, "seed", &raw).data, KEY_SEED_SIZE, &seed));
        assert_ok(key_pair_from_seed(seed, &pair));
        assert_true(bytes_equal(BYTES_OF(key_pair_public(pair)->bytes), raw_at(request, "pub", &raw)));

        Bytes payload = raw_at(request, "payload", &raw);
        assert_int_equal(payload.size, at(request, "payload_len")->valueint);
        assert_ok(dsse_pae(text_at(request, "payload_type"), payload, &pae, &size));
        assert_true(bytes_equal(BYTES(pae, size), raw_at(request, "pae", &other)));
        dsse_digest(ENVELOPE_REQUEST, payload, &digest);
        assert_true(bytes_equal(BYTES_OF(digest.bytes), raw_at(request, "request_sha256", &other)));
        check_signature(request, pair, ENVELOPE_REQUEST, payload);

        payload = raw_at(at(tree, "approval"), "payload", &raw);
        check_signature(at(tree, "approval"), pair, ENVELOPE_APPROVAL, payload);
        assert_int_equal(approval_parse(payload, &approval, NULL), 0);
        assert_true(sha256_equal(&approval->request_sha256, &digest));

        audit_genesis_prev("dev-a", &digest);
        assert_true(bytes_equal(BYTES_OF(digest.bytes), raw_at(audit, "genesis_prev", &raw)));
        payload = raw_at(audit, "checkpoint_text", &raw);
        check_signature(audit, pair, ENVELOPE_CHECKPOINT, payload);
        assert_int_equal(checkpoint_parse(payload, &checkpoint), 0);
        assert_int_equal(checkpoint.size, 3);
        assert_true(bytes_equal(BYTES_OF(checkpoint.head.bytes), raw_at(audit, "h2", &other)));
}

/* ---- enrolments */

static void secret_at(const cJSON *row, const char *key, Secret **ret_secret)
{
        uint8_t bytes[32];

        hex_at(row, key, bytes, sizeof bytes);
        assert_ok(secret_new(bytes, sizeof bytes, ret_secret));
}

static void check_bytes(const cJSON *row, const char *key, Bytes got)
{
        char hex[HEX_SIZE(CLAIM_BODY_MAX)];

        hex_format(got, hex);
        assert_string_equal(hex, text_at(row, key));
}

static void check_bootstrap(const cJSON *row, const Claim *claim)
{
        _cleanup_(bootstrap_done) Bootstrap bootstrap = BOOTSTRAP_NULL;
        char address[16];

        assert_ok(bootstrap_derive(claim->token_id, claim->secret, &bootstrap));
        (void) snprintf(address, sizeof address, "%u.%u.%u.%u", bootstrap.address[0], bootstrap.address[1],
                        bootstrap.address[2], bootstrap.address[3]);
        assert_string_equal(address, text_at(row, "bootstrap_address"));
        check_bytes(row, "bootstrap_private", secret_bytes(bootstrap.private_key));
        check_bytes(row, "bootstrap_public", BYTES_OF(bootstrap.public_key));
        check_bytes(row, "bootstrap_psk", secret_bytes(bootstrap.preshared_key));
}

/* The claim as the device makes it from its secrets. */
static void make_claim(const cJSON *row, Claim *ret_claim, uint8_t hub_key[static X25519_SIZE])
{
        _cleanup_(secret_freep) Secret *hub = NULL, *wireguard = NULL, *ephemeral = NULL;
        Claim claim = { .device_time_ms = (uint64_t) at(row, "device_time_ms")->valuedouble };

        secret_at(row, "hub_claim_secret", &hub);
        secret_at(row, "wireguard_secret", &wireguard);
        secret_at(row, "ephemeral_secret", &ephemeral);
        hex_at(row, "token_id", claim.token_id, sizeof claim.token_id);
        hex_at(row, "secret", claim.secret, sizeof claim.secret);
        hex_at(row, "device_key", claim.device_key.bytes, PUBLIC_KEY_SIZE);
        hex_at(row, "nonce", claim.nonce, sizeof claim.nonce);
        (void) snprintf(claim.description, sizeof claim.description, "%s", text_at(row, "description"));
        x25519_public(wireguard, claim.wireguard_key);
        x25519_public(ephemeral, claim.ephemeral_key);
        x25519_public(hub, hub_key);
        assert_ok(claim_prove(&claim, wireguard, hub_key));
        *ret_claim = claim;
}

static void check_agreements(const cJSON *row, const Claim *claim, const Sha256 *digest)
{
        _cleanup_(secret_freep) Secret *claim_secret = NULL, *ephemeral = NULL, *answer = NULL, *psk = NULL;
        uint8_t hub_ephemeral[X25519_SIZE];

        secret_at(row, "hub_claim_secret", &claim_secret);
        assert_ok(answer_key(claim_secret, claim->ephemeral_key, digest, &answer));
        check_bytes(row, "answer_key", secret_bytes(answer));

        secret_at(row, "hub_ephemeral_secret", &ephemeral);
        x25519_public(ephemeral, hub_ephemeral);
        assert_ok(enrolment_preshared_key(&(PresharedKeyInput){ ephemeral, claim->ephemeral_key,
                                                                hub_ephemeral, claim->secret, digest },
                                          &psk));
        check_bytes(row, "preshared_key", secret_bytes(psk));
}

static void check_enrolment(const cJSON *row)
{
        _cleanup_(key_pair_freep) KeyPair *device = NULL;
        _cleanup_(secret_freep) Secret *seed = NULL, *hub = NULL;
        uint8_t hub_key[X25519_SIZE], body[CLAIM_BODY_MAX], sealed[CLAIM_SEALED_MAX];
        uint8_t nonce[ENROLMENT_NONCE_SIZE];
        char digits[ENROLMENT_DIGITS_SIZE];
        Claim claim, opened;
        Signature signature;
        Sha256 digest;

        make_claim(row, &claim, hub_key);
        size_t sealed_size, size = claim_body_format(&claim, body);
        check_bytes(row, "body", BYTES(body, size));
        secret_at(row, "device_seed", &seed);
        assert_ok(key_pair_from_seed(seed, &device));
        assert_ok(dsse_sign(device, CLAIM_TYPE, BYTES(body, size), &signature));
        check_bytes(row, "signature", BYTES_OF(signature.bytes));

        secret_at(row, "hub_claim_secret", &hub);
        assert_ok(claim_seal(BYTES(body, size), &signature, hub_key, sealed, &sealed_size));
        assert_int_equal(claim_open(BYTES(sealed, sealed_size), hub, &opened, &digest), 0);
        check_bytes(row, "claim_sha256", BYTES_OF(digest.bytes));
        hex_at(row, "hub_nonce", nonce, sizeof nonce);
        enrolment_digits(&digest, nonce, digits);
        assert_string_equal(digits, text_at(row, "digits"));
        check_bootstrap(row, &opened);
        check_agreements(row, &opened, &digest);
}

static void test_enrolments(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("enrolments.json");
        const cJSON *row;

        cJSON_ArrayForEach(row, at(tree, "vectors"))
                check_enrolment(row);
}

/* ---- permits */

static void check_permit(const cJSON *row)
{
        _cleanup_(secret_freep) Secret *secret = NULL, *end_key = NULL;
        _cleanup_(permit_freep) Permit *permit = NULL;
        _cleanup_(freep) uint8_t *bytes = NULL;
        PermitWorker worker;
        PublicKey device;
        WorkerEnd end;
        size_t size;

        secret_at(row, "worker_secret", &secret);
        worker.secret = secret;
        x25519_public(secret, worker.key);
        hex_at(row, "device_key", device.bytes, PUBLIC_KEY_SIZE);
        int r = permit_open(bytes_of_string(text_at(row, "envelope")), &device, &worker, &permit, &end_key);
        assert_int_equal(r, cJSON_IsTrue(at(row, "expected")) ? 0 : -EKEYREJECTED);
        if (r != 0)
                return;

        check_bytes(row, "end_key", secret_bytes(end_key));
        check_bytes(row, "request_sha256", BYTES_OF(permit->request_sha256.bytes));
        size = strlen(text_at(row, "end")) / 2;
        bytes = malloc(size);
        assert_non_null(bytes);
        hex_at(row, "end", bytes, size);
        assert_ok(worker_end_open(BYTES(bytes, size), end_key, &permit->request_sha256, &end));
        assert_int_equal(end.status, at(row, "status")->valueint);
        assert_int_equal(end.exit_code, at(row, "exit_code")->valueint);
        assert_string_equal(end.reason, text_at(row, "reason"));
        assert_int_equal(end.out.size, at(row, "out_size")->valueint);
        assert_int_equal(end.err.size, at(row, "err_size")->valueint);
        assert_int_equal(end.err.beginning_size, MIN(end.err.size, (uint64_t) RESULT_STREAM_MAX));
}

static void test_permits(void **state)
{
        _cleanup_(json_deletep) cJSON *tree = load("permits.json");
        const cJSON *row;

        cJSON_ArrayForEach(row, at(tree, "vectors"))
                check_permit(row);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_envelopes),   cmocka_unit_test(test_chains),
                cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_signing_vectors),
                cmocka_unit_test(test_enrolments),  cmocka_unit_test(test_permits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
