/* SPDX-License-Identifier: MIT */
/* Deliveries of several dispatchers in one session. */

#include "proto/error.h"

#include "world.h"

/* Two dispatchers, of which the second may request df only. */
static const Edit two_dispatchers[] = {
        { "\"dispatchers\":[",
          "\"dispatchers\":[{\"pub\":\"@token@\",\"not_after\":1762000000000,\"capabilities\":[\"df\"]}," },
};

static void test_dispatchers_are_separate(void **state)
{
        static const uint8_t nonce[REQUEST_NONCE_SIZE] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                                           8, 9, 10, 11, 12, 13, 14, 15 };
        const Case second = { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") },
                              .request_key = KEY_TOKEN,
                              .delivery_key = KEY_TOKEN };
        const Row rows[] = {
                { "the first", 0, { .n_approvals = 0 } },
                { "the second, within its scope", 0, second },
                { "the second, beyond its scope",
                  DEVBOX_ERROR_DISPATCHER_SCOPE,
                  { .request_key = KEY_TOKEN, .delivery_key = KEY_TOKEN } },
                { "the second delivers what the first signed",
                  DEVBOX_ERROR_UNKNOWN_KEY,
                  { .delivery_key = KEY_TOKEN } },
                { "the first delivers what the second signed",
                  DEVBOX_ERROR_UNKNOWN_KEY,
                  { .request = { ARGS("{\"argv\":[\"/usr/bin/df\",\"-h\"]}") }, .request_key = KEY_TOKEN } },
        };
        World world;

        world_init(&world, two_dispatchers, 1);
        world_judge_rows(&world, rows, ELEMENTSOF(rows));

        /* Counters, ids and nonces of one are free for the other. */
        assert_ok(delivery_counters_set(&world.counters, key_pair_public(world_key(KEY_DISPATCHER)),
                                        SCHEMA_INTEGER_MAX));
        world.known_id = "01K75A3Q000000000000000001";
        world.known_nonce = nonce;
        assert_err(world_judge(&world, &second), 0);
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_SESSION_MISMATCH);
        world.counters.n = 0;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_REQUEST_ID_CONFLICT);
        world.known_id = NULL;
        assert_err(world_judge(&world, &(Case){ 0 }), DEVBOX_ERROR_NONCE_REPLAY);
        world_done(&world);
}

static void test_counters_have_a_limit(void **state)
{
        DeliveryCounters counters = { .n = 0 };
        PublicKey key = { { 0 } };

        for (unsigned i = 0; i < DELIVERY_COUNTERS_MAX; i++) {
                key.bytes[0] = (uint8_t) i;
                assert_ok(delivery_counters_set(&counters, &key, i + 1));
        }
        key.bytes[0] = DELIVERY_COUNTERS_MAX;
        assert_err(delivery_counters_set(&counters, &key, 1), -ENOBUFS);
        assert_int_equal(delivery_counters_last(&counters, &key), 0);
        key.bytes[0] = 7;
        assert_ok(delivery_counters_set(&counters, &key, 99));
        assert_int_equal(delivery_counters_last(&counters, &key), 99);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dispatchers_are_separate),
                cmocka_unit_test(test_counters_have_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
