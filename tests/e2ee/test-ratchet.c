/* SPDX-License-Identifier: MIT */
/* Olm and Megolm behind our types: both ways, and what must not get through. */

#include "e2ee/ratchet.h"

#include <stdio.h>

#include "codec/binary-text.h"
#include "crypto/ed25519.h"
#include "e2ee/message-check.h"

#include "test.h"

static Secret *key;

static int set_up(void **state)
{
        return secret_new_random(32, &key);
}

static int tear_down(void **state)
{
        key = secret_free(key);
        return 0;
}

/* The first one-time key of an account: libolm writes {"curve25519":{"AAAAAQ":"KEY"}}. */
static void one_time_key(RatchetAccount *account, char ret_key[static CURVE25519_TEXT_SIZE])
{
        _cleanup_(freep) char *json = NULL;

        assert_ok(ratchet_account_generate_one_time_keys(account, 1));
        assert_ok(ratchet_account_one_time_keys(account, &json));
        (void) snprintf(ret_key, CURVE25519_TEXT_SIZE, "%s", strstr(json, "\":\"") + 3);
}

typedef struct Olm {
        RatchetAccount *alice, *bob;
        RatchetSession *of_alice, *of_bob;
        char alice_key[CURVE25519_TEXT_SIZE], bob_key[CURVE25519_TEXT_SIZE];
        OlmMessage first; /* from Alice to Bob */
} Olm;

static void olm_init(Olm *olm)
{
        char ed25519[ED25519_TEXT_SIZE], otk[CURVE25519_TEXT_SIZE];

        *olm = (Olm){ 0 };
        assert_ok(ratchet_account_new(&olm->alice));
        assert_ok(ratchet_account_new(&olm->bob));
        assert_ok(ratchet_account_identity(olm->alice, olm->alice_key, ed25519));
        assert_ok(ratchet_account_identity(olm->bob, olm->bob_key, ed25519));
        one_time_key(olm->bob, otk);
        assert_ok(ratchet_session_outbound(olm->alice, olm->bob_key, otk, &olm->of_alice));
        assert_ok(ratchet_session_encrypt(olm->of_alice, bytes_of_string("hello"), &olm->first));
        assert_int_equal(olm->first.type, OLM_MESSAGE_PREKEY);
        assert_ok(ratchet_session_inbound(olm->bob, olm->alice_key, olm->first.body, &olm->of_bob));
}

static void olm_done(Olm *olm)
{
        ratchet_account_free(olm->alice);
        ratchet_account_free(olm->bob);
        ratchet_session_free(olm->of_alice);
        ratchet_session_free(olm->of_bob);
        free(olm->first.body);
}

static void assert_decrypts(RatchetSession *session, const OlmMessage *message, const char *wanted)
{
        _cleanup_(freep) char *plain = NULL;
        size_t size;

        assert_ok(ratchet_session_decrypt(session, message, &plain, &size));
        assert_string_equal(plain, wanted);
        assert_int_equal(size, strlen(wanted));
}

static void test_olm_both_ways(void **state)
{
        _cleanup_(olm_done) Olm olm;
        OlmMessage back = { 0 };
        char id[ED25519_TEXT_SIZE], other[ED25519_TEXT_SIZE];

        olm_init(&olm);
        assert_decrypts(olm.of_bob, &olm.first, "hello");
        ratchet_account_remove_used_key(olm.bob, olm.of_bob);
        assert_int_equal(ratchet_session_matches(olm.of_bob, olm.alice_key, olm.first.body), 1);

        assert_ok(ratchet_session_id(olm.of_alice, id));
        assert_ok(ratchet_session_id(olm.of_bob, other));
        assert_string_equal(id, other);

        assert_ok(ratchet_session_encrypt(olm.of_bob, bytes_of_string(""), &back));
        assert_int_equal(back.type, OLM_MESSAGE_NORMAL);
        assert_decrypts(olm.of_alice, &back, "");
        free(back.body);
}

static void test_a_replay_does_not_decrypt(void **state)
{
        _cleanup_(olm_done) Olm olm;
        char *plain = NULL;
        size_t size;

        olm_init(&olm);
        assert_decrypts(olm.of_bob, &olm.first, "hello");
        ratchet_account_remove_used_key(olm.bob, olm.of_bob);
        assert_err(ratchet_session_decrypt(olm.of_bob, &olm.first, &plain, &size), -EBADMSG);

        RatchetSession *again = NULL;
        assert_err(ratchet_session_inbound(olm.bob, olm.alice_key, olm.first.body, &again),
                   RATCHET_UNKNOWN_KEY);
}

/* The pickle is the state: what was saved before a message decrypts it again. */
static void test_pickles(void **state)
{
        _cleanup_(olm_done) Olm olm;
        _cleanup_(freep) char *pickle = NULL;
        _cleanup_(secret_freep) Secret *wrong = NULL;
        _cleanup_(ratchet_session_freep) RatchetSession *again = NULL;

        olm_init(&olm);
        assert_ok(ratchet_session_save(olm.of_bob, key, &pickle));
        assert_decrypts(olm.of_bob, &olm.first, "hello");
        assert_ok(ratchet_session_load(key, pickle, &again));
        assert_decrypts(again, &olm.first, "hello");

        RatchetSession *none = NULL;
        assert_ok(secret_new_random(32, &wrong));
        assert_err(ratchet_session_load(wrong, pickle, &none), -EBADMSG);
        pickle[20] ^= 1;
        assert_err(ratchet_session_load(key, pickle, &none), -EBADMSG);
        pickle[20] ^= 1;
        for (char *at = pickle; *at; at++) {
                char was = *at;

                *at = '.'; /* libolm reads it as a slash where that begins a group of four */
                assert_err(ratchet_session_load(key, pickle, &none), -EBADMSG);
                *at = was;
        }
        assert_err(ratchet_session_load(key, "", &none), -EBADMSG);
}

/* No byte of a message can be changed without being noticed. */
static void test_altered_olm_messages(void **state)
{
        _cleanup_(olm_done) Olm olm;
        _cleanup_(freep) char *pickle = NULL;

        olm_init(&olm);
        assert_ok(ratchet_session_save(olm.of_bob, key, &pickle));
        for (char *at = olm.first.body; *at; at++) {
                _cleanup_(ratchet_session_freep) RatchetSession *session = NULL;
                char *plain = NULL, was = *at;
                size_t size;

                *at = was == 'A' ? 'B' : 'A';
                assert_ok(ratchet_session_load(key, pickle, &session));
                /* The keys in front of the message only choose the session. */
                if (ratchet_session_decrypt(session, &olm.first, &plain, &size) == 0)
                        assert_string_equal(plain, "hello");
                else
                        assert_null(plain);
                *at = was;
                free(plain);
        }
}

static void test_keys_of_small_order(void **state)
{
        static const char zero[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        _cleanup_(olm_done) Olm olm;
        RatchetSession *session = NULL;
        uint8_t *bytes = NULL;
        size_t size;

        olm_init(&olm);
        assert_err(ratchet_session_outbound(olm.alice, zero, olm.bob_key, &session), -EBADMSG);
        assert_err(ratchet_session_outbound(olm.alice, olm.bob_key, zero, &session), -EBADMSG);
        assert_err(ratchet_session_outbound(olm.alice, olm.bob_key, "", &session), -EBADMSG);
        assert_err(ratchet_session_inbound(olm.bob, zero, olm.first.body, &session), -EBADMSG);

        /* version, tag, length, then the one-time key; 34 bytes later the base key, then the identity key */
        assert_ok(base64_unpadded_parse(olm.first.body, 4096, &bytes, &size));
        for (size_t at = 3; at <= 3 + 2 * 34; at += 34) {
                _cleanup_(freep) char *text = malloc(BASE64_SIZE(size));
                uint8_t kept[32];

                memcpy(kept, bytes + at, 32);
                memset(bytes + at, 0, 32);
                base64_unpadded_format(BYTES(bytes, size), text);
                memcpy(bytes + at, kept, 32);
                assert_err(olm_message_check(OLM_MESSAGE_PREKEY, text), -EBADMSG);
        }
        free(bytes);
}

static void test_megolm(void **state)
{
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
        _cleanup_(ratchet_inbound_freep) RatchetInbound *inbound = NULL, *late = NULL;
        _cleanup_(freep) char *session_key = NULL, *late_key = NULL, *first = NULL, *second = NULL,
                              *plain = NULL;
        char id[ED25519_TEXT_SIZE], inbound_id[ED25519_TEXT_SIZE];
        uint32_t index = 99;
        size_t size;

        assert_ok(ratchet_outbound_new(&outbound));
        assert_ok(ratchet_outbound_key(outbound, &session_key));
        assert_ok(ratchet_inbound_new(session_key, &inbound));
        assert_ok(ratchet_outbound_id(outbound, id));
        assert_ok(ratchet_inbound_id(inbound, inbound_id));
        assert_string_equal(id, inbound_id);

        assert_ok(ratchet_outbound_encrypt(outbound, bytes_of_string("one"), &first));
        assert_ok(ratchet_outbound_key(outbound, &late_key));
        assert_int_equal(ratchet_outbound_index(outbound), 1);
        assert_ok(ratchet_outbound_encrypt(outbound, bytes_of_string("two"), &second));

        assert_ok(ratchet_inbound_decrypt(inbound, second, &plain, &size, &index));
        assert_string_equal(plain, "two");
        assert_int_equal(index, 1);
        free(TAKE_PTR(plain));
        assert_ok(ratchet_inbound_decrypt(inbound, first, &plain, &size, &index));
        assert_string_equal(plain, "one");
        assert_int_equal(index, 0);
        free(TAKE_PTR(plain));

        assert_ok(ratchet_inbound_new(late_key, &late));
        assert_int_equal(ratchet_inbound_first_index(late), 1);
        assert_err(ratchet_inbound_decrypt(late, first, &plain, &size, &index), RATCHET_UNKNOWN_INDEX);
}

/* Changes the last byte of S by the order of the group, which libolm would accept. */
static void test_malleated_megolm_message(void **state)
{
        static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
        _cleanup_(ratchet_outbound_freep) RatchetOutbound *outbound = NULL;
        _cleanup_(freep) char *body = NULL, *forged = NULL;
        uint8_t *bytes = NULL;
        unsigned carry = 0;
        size_t size;

        assert_ok(ratchet_outbound_new(&outbound));
        assert_ok(ratchet_outbound_encrypt(outbound, bytes_of_string("x"), &body));
        assert_ok(megolm_message_check(body));

        assert_ok(base64_unpadded_parse(body, 4096, &bytes, &size));
        for (int i = 0; i < 32; i++) {
                carry += (unsigned) bytes[size - 32 + (size_t) i] + order[i];
                bytes[size - 32 + (size_t) i] = (uint8_t) carry;
                carry >>= 8;
        }
        forged = malloc(BASE64_SIZE(size));
        base64_unpadded_format(BYTES(bytes, size), forged);
        free(bytes);
        assert_err(megolm_message_check(forged), -EBADMSG);
}

static void test_garbage(void **state)
{
        static const char *const rows[] = { "",     "A",    "AAAA", "Aw",
                                            "====", "\xff", "AwoA", "AwAAAAAAAAAAAAAAAAAAAA" };
        RatchetInbound *inbound = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_err(olm_message_check(OLM_MESSAGE_PREKEY, rows[i]), -EBADMSG);
                assert_err(olm_message_check(OLM_MESSAGE_NORMAL, rows[i]), -EBADMSG);
                assert_err(olm_message_check((OlmMessageType) 2, rows[i]), -EBADMSG);
                assert_err(megolm_message_check(rows[i]), -EBADMSG);
                assert_err(megolm_session_key_check(rows[i]), -EBADMSG);
                assert_err(ratchet_inbound_new(rows[i], &inbound), -EBADMSG);
                assert_err(curve25519_text_check(rows[i]), -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_olm_both_ways),
                cmocka_unit_test(test_a_replay_does_not_decrypt),
                cmocka_unit_test(test_pickles),
                cmocka_unit_test(test_altered_olm_messages),
                cmocka_unit_test(test_keys_of_small_order),
                cmocka_unit_test(test_megolm),
                cmocka_unit_test(test_malleated_megolm_message),
                cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
