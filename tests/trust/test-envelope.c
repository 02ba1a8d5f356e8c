/* SPDX-License-Identifier: MIT */
/* The envelope: what verifies, and everything near it that does not. */

#include "trust/envelope.h"

#include "proto/error.h"

#include "world.h"

static KeySet set_of(const PublicKey *keys, size_t n, size_t threshold)
{
        return (KeySet){ .role = "root", .keys = keys, .n_keys = n, .threshold = threshold };
}

static void test_round_trip(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope =
                WORLD_SIGN(ENVELOPE_ROOT, "{}", KEY_ROOT_A, KEY_ROOT_B);
        _cleanup_(envelope_freep) Envelope *again = NULL;
        _cleanup_(freep) char *text = NULL, *text_again = NULL;

        assert_ok(envelope_format(envelope, &text));
        assert_int_equal(envelope_parse(bytes_of_string(text), 100, &again), 0);
        assert_ok(envelope_format(again, &text_again));
        assert_string_equal(text, text_again);
        assert_true(startswith(
                text, "{\"payloadType\":\"application/vnd.devbox.root.v1+json\",\"payload\":\"e30=\","));
}

/* 1: one altered bit of payload, signature or type. */
static void test_every_altered_bit_is_rejected(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_REQUEST, "{\"a\":1}", KEY_ROOT_A);
        KeySet keys = set_of(key_pair_public(world_key(KEY_ROOT_A)), 1, 1);
        struct {
                uint8_t *bytes;
                size_t size;
        } parts[] = { { envelope->payload, envelope->payload_size },
                      { envelope->signatures[0].signature.bytes, SIGNATURE_SIZE },
                      { (uint8_t *) envelope->type, strlen(envelope->type) } };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                for (size_t bit = 0; bit < parts[i].size * 8; bit++) {
                        parts[i].bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        assert_err(envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL),
                                   DEVBOX_ERROR_BAD_SIG);
                        parts[i].bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
                }

        assert_err(envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL), 0);
        assert_err(envelope_verify(envelope, ENVELOPE_MANIFEST, &keys, NULL), DEVBOX_ERROR_BAD_SIG);
}

/* 2: signed as one type, sent as another. */
static void test_the_type_is_signed(void **state)
{
        _cleanup_(envelope_freep) Envelope *manifest = WORLD_SIGN(ENVELOPE_MANIFEST, "{}", KEY_ROOT_A);
        _cleanup_(envelope_freep) Envelope *request = NULL;
        KeySet keys = set_of(key_pair_public(world_key(KEY_ROOT_A)), 1, 1);

        assert_ok(envelope_new(ENVELOPE_REQUEST, envelope_payload(manifest), &request));
        request->signatures[0] = manifest->signatures[0];
        request->n_signatures = 1;
        assert_err(envelope_verify(request, ENVELOPE_REQUEST, &keys, NULL), DEVBOX_ERROR_BAD_SIG);
}

/* 3: the same signature with S + L, which is valid where S is not bounded. */
static void test_malleated_signatures(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_REQUEST, "{}", KEY_ROOT_A);
        KeySet keys = set_of(key_pair_public(world_key(KEY_ROOT_A)), 1, 1);

        assert_err(envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL), 0);
        world_malleate(envelope);
        assert_err(envelope_verify(envelope, ENVELOPE_REQUEST, &keys, NULL), DEVBOX_ERROR_BAD_SIG);
}

static void test_thresholds_count_keys_and_not_signatures(void **state)
{
        _cleanup_(envelope_freep) Envelope *one = WORLD_SIGN(ENVELOPE_ROOT, "{}", KEY_ROOT_A);
        _cleanup_(envelope_freep) Envelope *two = WORLD_SIGN(ENVELOPE_ROOT, "{}", KEY_ROOT_A, KEY_ROOT_B);
        PublicKey keys[] = { *key_pair_public(world_key(KEY_ROOT_A)),
                             *key_pair_public(world_key(KEY_ROOT_B)),
                             *key_pair_public(world_key(KEY_ROOT_C)) };
        PublicKey doubled[] = { keys[0], keys[0] };
        KeySet of_two = set_of(keys, 3, 2), of_three = set_of(keys, 3, 3), same = set_of(doubled, 2, 2);
        KeySet none = set_of(keys, 0, 1), zero = set_of(keys, 3, 0);
        uint32_t signers = 0;

        assert_err(envelope_verify(one, ENVELOPE_ROOT, &of_two, NULL), DEVBOX_ERROR_BAD_SIG);
        assert_err(envelope_verify(two, ENVELOPE_ROOT, &of_two, &signers), 0);
        assert_int_equal(signers, 3);
        assert_err(envelope_verify(two, ENVELOPE_ROOT, &of_three, NULL), DEVBOX_ERROR_BAD_SIG);

        /* One key's signature twice, with another key's name on the second. */
        one->signatures[1] = one->signatures[0];
        one->signatures[1].key_id = two->signatures[1].key_id;
        one->n_signatures = 2;
        assert_err(envelope_verify(one, ENVELOPE_ROOT, &of_two, NULL), DEVBOX_ERROR_BAD_SIG);

        /* One key twice in the set. */
        assert_err(envelope_verify(one, ENVELOPE_ROOT, &same, NULL), DEVBOX_ERROR_BAD_SIG);

        assert_err(envelope_verify(two, ENVELOPE_ROOT, &none, NULL), DEVBOX_ERROR_UNKNOWN_KEY);
        assert_err(envelope_verify(two, ENVELOPE_ROOT, &zero, NULL), DEVBOX_ERROR_BAD_SIG);
}

static void test_key_id_is_a_hint(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_ROOT, "{}", KEY_ROOT_A);
        PublicKey keys[] = { *key_pair_public(world_key(KEY_ROOT_B)),
                             *key_pair_public(world_key(KEY_ROOT_A)) };
        KeySet set = set_of(keys, 2, 1);

        public_key_id(&keys[0], "root", &envelope->signatures[0].key_id); /* of another key */
        assert_err(envelope_verify(envelope, ENVELOPE_ROOT, &set, NULL), 0);
        envelope->signatures[0].key_id = (Sha256){ { 0 } };
        assert_err(envelope_verify(envelope, ENVELOPE_ROOT, &set, NULL), 0);
        envelope->signatures[0].key_id.bytes[0] = 1;
        assert_err(envelope_verify(envelope, ENVELOPE_ROOT, &set, NULL), 0);

        set.n_keys = 1;
        assert_err(envelope_verify(envelope, ENVELOPE_ROOT, &set, NULL), DEVBOX_ERROR_UNKNOWN_KEY);
}

static void test_malformed_envelopes(void **state)
{
        static const char sig[] =
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
        static const char *const rows[] = {
                "",
                "[]",
                "{}",
                "{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[]}",
                "{\"payloadType\":\"t\",\"payload\":\"e30\",\"signatures\":[{\"sig\":\"%s\"}]}",
                "{\"payloadType\":\"t\",\"payload\":\"e31=\",\"signatures\":[{\"sig\":\"%s\"}]}",
                "{\"payloadType\":\"t t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"%s\"}]}",
                "{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
                "{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"%s\",\"x\":1}]}",
                "{\"payloadType\":\"t\",\"payload\":\"e30=\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":"
                "\"%s\"}]}",
                "{\"payloadType\":\"t\",\"payload\":\"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh\",\"signatures\":[{"
                "\"sig\":\"%s\"}]}",
        };
        Envelope *envelope = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = strstr(rows[i], "%s")
                                                      ? world_text(rows[i], &(Edit){ "%s", sig }, 1)
                                                      : strdup(rows[i]);

                assert_err(envelope_parse(bytes_of_string(text), 16, &envelope), DEVBOX_ERROR_BAD_ENVELOPE);
        }
        assert_null(envelope);
}

static void test_at_most_eight_signatures(void **state)
{
        _cleanup_(envelope_freep) Envelope *envelope = WORLD_SIGN(ENVELOPE_ROOT, "{}", KEY_ROOT_A);

        assert_ok(envelope_sign(envelope, "root", world_key(KEY_ROOT_A)));
        assert_int_equal(envelope->n_signatures, 1);
        for (WorldKey key = KEY_ROOT_B; key < KEY_ROOT_A + ENVELOPE_SIGNATURES_MAX; key++)
                assert_ok(envelope_sign(envelope, "root", world_key(key)));
        assert_err(envelope_sign(envelope, "root", world_key(KEY_STRANGER)), -ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_every_altered_bit_is_rejected),
                cmocka_unit_test(test_the_type_is_signed),
                cmocka_unit_test(test_malleated_signatures),
                cmocka_unit_test(test_thresholds_count_keys_and_not_signatures),
                cmocka_unit_test(test_key_id_is_a_hint),
                cmocka_unit_test(test_malformed_envelopes),
                cmocka_unit_test(test_at_most_eight_signatures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
