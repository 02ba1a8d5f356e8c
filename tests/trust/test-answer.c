/* SPDX-License-Identifier: MIT */
/* Answers: only for the claim they answer, and whole or not at all. */

#include "trust/answer.h"

#include "proto/error.h"

#include "world.h"

static const Sha256 claim_sha256 = { { 3 } };

typedef struct Sides {
        Secret *hub, *device, *hub_key, *device_key;
        uint8_t hub_public[X25519_SIZE], device_public[X25519_SIZE];
} Sides;

static void sides_init(Sides *sides)
{
        assert_ok(x25519_generate(&sides->hub, sides->hub_public));
        assert_ok(x25519_generate(&sides->device, sides->device_public));
        assert_ok(answer_key(sides->hub, sides->device_public, &claim_sha256, &sides->hub_key));
        assert_ok(answer_key(sides->device, sides->hub_public, &claim_sha256, &sides->device_key));
}

static void sides_done(Sides *sides)
{
        secret_free(sides->hub);
        secret_free(sides->device);
        secret_free(sides->hub_key);
        secret_free(sides->device_key);
}

static Answer pending(void)
{
        return (Answer){ .state = ANSWER_PENDING, .nonce = { 7 }, .retry_ms = 1000, .hub_time_ms = 5 };
}

static AnswerRoot roots[] = { { (char *) "{\"payloadType\":\"a\"}" },
                              { (char *) "{\"payloadType\":\"b\"}" } };

static Answer admitted(void)
{
        return (Answer){ .state = ANSWER_ADMITTED,
                         .nonce = { 7 },
                         .hub_time_ms = 5,
                         .hub_ephemeral = { 9 },
                         .network = (char *) "home",
                         .prefix = (char *) "10.42.0.0/24",
                         .address = (char *) "10.42.0.10",
                         .hub_address = (char *) "10.42.0.1",
                         .keepalive_s = 25,
                         .mtu = 1420,
                         .chain_id = { 4 },
                         .lost_size = 12,
                         .lost_head = { { 5 } },
                         .roots = { roots, ELEMENTSOF(roots) },
                         .manifest = (char *) "{}" };
}

static void test_round_trip(void **state)
{
        const Answer rows[] = { pending(), admitted() };
        _cleanup_(sides_done) Sides sides = { NULL };

        sides_init(&sides);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *before = NULL, *after = NULL;
                _cleanup_(answer_freep) Answer *opened = NULL;
                _cleanup_(freep) uint8_t *box = NULL;
                size_t size;

                assert_ok(answer_seal(&rows[i], sides.hub_key, &box, &size));
                assert_ok(answer_open(BYTES(box, size), sides.device_key, &opened));
                assert_ok(answer_format(&rows[i], &before, NULL));
                assert_ok(answer_format(opened, &after, NULL));
                assert_string_equal(before, after);
        }
}

static void test_altered_truncated_or_of_another_claim(void **state)
{
        _cleanup_(sides_done) Sides sides = { NULL };
        _cleanup_(secret_freep) Secret *other = NULL;
        static const Sha256 other_claim = { { 4 } };
        _cleanup_(freep) uint8_t *box = NULL;
        const Answer answer = pending();
        Answer *opened = NULL;
        size_t size;

        sides_init(&sides);
        assert_ok(answer_seal(&answer, sides.hub_key, &box, &size));
        for (size_t bit = 0; bit < size * 8; bit++) {
                box[bit / 8] ^= (uint8_t) (1u << bit % 8);
                assert_err(answer_open(BYTES(box, size), sides.device_key, &opened),
                           DEVBOX_ERROR_BAD_ENVELOPE);
                box[bit / 8] ^= (uint8_t) (1u << bit % 8);
        }
        for (size_t shorter = 0; shorter < size; shorter++)
                assert_err(answer_open(BYTES(box, shorter), sides.device_key, &opened),
                           DEVBOX_ERROR_BAD_ENVELOPE);

        assert_ok(answer_key(sides.device, sides.hub_public, &other_claim, &other));
        assert_err(answer_open(BYTES(box, size), other, &opened), DEVBOX_ERROR_BAD_ENVELOPE);
        assert_null(opened);
}

#define ABSENT(member) offsetof(Answer, member), sizeof((Answer *) 0)->member

static void test_malformed_answers(void **state)
{
        static const struct {
                size_t offset, size; /* zeroed in an admission */
        } rows[] = {
                { ABSENT(network) },     { ABSENT(prefix) },        { ABSENT(address) },
                { ABSENT(hub_address) }, { ABSENT(mtu) },           { ABSENT(chain_id) },
                { ABSENT(roots) },       { ABSENT(manifest) },      { ABSENT(lost_size) },
                { ABSENT(lost_head) },   { ABSENT(hub_ephemeral) },
        };
        char *text = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Answer answer = admitted();

                memset((uint8_t *) &answer + rows[i].offset, 0, rows[i].size);
                assert_err(answer_format(&answer, &text, NULL), DEVBOX_ERROR_BAD_SCHEMA);
        }

        Answer answer = admitted();
        answer.state = ANSWER_PENDING;
        assert_err(answer_format(&answer, &text, NULL), DEVBOX_ERROR_BAD_SCHEMA);
        answer = admitted();
        answer.hub_ephemeral[31] = 0x80;
        assert_err(answer_format(&answer, &text, NULL), DEVBOX_ERROR_BAD_SCHEMA);
}

static void test_addresses(void **state)
{
        static const struct {
                const char *prefix, *address;
                int expected;
        } rows[] = {
                { "10.42.0.0/16", "10.42.255.254", 0 },
                { "10.42.0.0", "10.42.0.10", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.0/24", "10.42.0.10/32", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.1/24", "10.42.0.10", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.0/33", "10.42.0.10", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.0/024", "10.42.0.10", DEVBOX_ERROR_BAD_SCHEMA },
                { "fd00::/64", "10.42.0.10", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.0/24", "::1", DEVBOX_ERROR_BAD_SCHEMA },
                { "10.42.0.0/24", "hub", DEVBOX_ERROR_BAD_SCHEMA },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(freep) char *text = NULL;
                Answer answer = admitted();

                answer.prefix = (char *) rows[i].prefix;
                answer.address = (char *) rows[i].address;
                assert_err(answer_format(&answer, &text, NULL), rows[i].expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_altered_truncated_or_of_another_claim),
                cmocka_unit_test(test_malformed_answers),
                cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
