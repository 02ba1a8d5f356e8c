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
        assert_ok(delivery_counters_use(&world.counters, key_pair_public(world_key(KEY_DISPATCHER)),
                                        SCHEMA_INTEGER_MAX, false));
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
                assert_ok(delivery_counters_use(&counters, &key, i + 1, false));
        }
        key.bytes[0] = DELIVERY_COUNTERS_MAX;
        assert_err(delivery_counters_use(&counters, &key, 1, false), -ENOBUFS);
        assert_true(delivery_counters_allow(&counters, &key, 1));
        key.bytes[0] = 7;
        assert_false(delivery_counters_allow(&counters, &key, 8));
        assert_ok(delivery_counters_use(&counters, &key, 99, false));
        assert_false(delivery_counters_allow(&counters, &key, 99));
}

/* One overtakes others, each is used once, and none is used that is older than the window. */
static void test_window(void **state)
{
        static const struct {
                int64_t counter;
                bool final, allowed;
        } deliveries[] = {
                { 2, false, true },                       /* the first one that arrives */
                { 2, false, false },                      /* replayed */
                { 1, false, true },                       /* overtaken */
                { 1, false, false },                      /* replayed */
                { 3 + DELIVERY_WINDOW, false, true },     /* far ahead: 4 is the oldest now */
                { 3, false, false },                      /* too old */
                { 4, false, true },                       /* the oldest */
                { 4, false, false },                      /* replayed */
                { 6, true, true },                        /* withdraws */
                { 5, false, false },                      /* sent before it */
                { 7, false, true },                       /* sent after it */
                { 2 + DELIVERY_WINDOW, false, true },     /* the last but one */
                { SCHEMA_INTEGER_MAX, true, true },       /* beyond all of them */
                { SCHEMA_INTEGER_MAX - 1, false, false }, /* sent before it */
        };
        DeliveryCounters counters = { .n = 0 };
        PublicKey key = { { 0 } };

        for (size_t i = 0; i < ELEMENTSOF(deliveries); i++) {
                assert_int_equal(delivery_counters_allow(&counters, &key, deliveries[i].counter),
                                 deliveries[i].allowed);
                if (deliveries[i].allowed)
                        assert_ok(delivery_counters_use(&counters, &key, deliveries[i].counter,
                                                        deliveries[i].final));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dispatchers_are_separate),
                cmocka_unit_test(test_counters_have_a_limit),
                cmocka_unit_test(test_window),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
