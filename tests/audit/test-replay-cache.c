/* SPDX-License-Identifier: MIT */
/* What may be used once, and for how long that is known. */

#include "audit/replay-cache.h"
#include "test.h"

#define START UINT64_C(1760000000000)
#define KEEP  UINT64_C(1000)

static void test_expiry(void **state)
{
        _cleanup_(replay_cache_done) ReplayCache cache = REPLAY_CACHE_NULL;
        Bytes key = bytes_of_string("nonce");

        assert_null(replay_cache_find(&cache, key));
        assert_ok(replay_cache_add(&cache, key, START, NULL));
        replay_cache_advance(&cache, START);
        assert_non_null(replay_cache_find(&cache, key));
        assert_null(replay_cache_find(&cache, bytes_of_string("nonc")));
        replay_cache_advance(&cache, START + 1);
        assert_null(replay_cache_find(&cache, key));
        replay_cache_advance(&cache, START - 1); /* expired members do not return */
        assert_null(replay_cache_find(&cache, key));
        assert_ok(replay_cache_add(&cache, key, START + 1, NULL));
        assert_non_null(replay_cache_find(&cache, key));
}

/* A request that has not ended does not expire; what was used after it does. */
static void test_open_request(void **state)
{
        _cleanup_(replay_cache_done) ReplayCache cache = REPLAY_CACHE_NULL;
        Bytes request = bytes_of_string("request"), nonce = bytes_of_string("nonce");
        ReplayEntry *entry;

        assert_ok(replay_cache_add(&cache, request, START, &entry));
        entry->stage = REPLAY_STARTED;
        assert_ok(replay_cache_add(&cache, nonce, START + 1, NULL));
        replay_cache_advance(&cache, START + 5 * KEEP);
        assert_int_equal(replay_cache_find(&cache, request)->stage, REPLAY_STARTED);
        assert_null(replay_cache_find(&cache, nonce));
        replay_cache_find(&cache, request)->stage = REPLAY_USED;
        assert_null(replay_cache_find(&cache, request));
}

/* Times in a file are not trusted. */
static void test_maximum_time(void **state)
{
        _cleanup_(replay_cache_done) ReplayCache cache = REPLAY_CACHE_NULL;

        assert_ok(replay_cache_add(&cache, bytes_of_string("nonce"), UINT64_MAX, NULL));
        replay_cache_advance(&cache, UINT64_MAX);
        assert_non_null(replay_cache_find(&cache, bytes_of_string("nonce")));
}

static Bytes key_of(uint32_t i, uint8_t *key)
{
        (void) put_be32(key, i);
        return BYTES(key, 4);
}

/* Time goes on with each member: those of the last KEEP milliseconds are there, and the table stays small.
 */
static void test_many_entries(void **state)
{
        _cleanup_(replay_cache_done) ReplayCache cache = REPLAY_CACHE_NULL;
        uint8_t key[4];

        for (uint32_t i = 0; i < 200000; i++) {
                replay_cache_advance(&cache, START + i);
                assert_ok(replay_cache_add(&cache, key_of(i, key), START + i + KEEP, NULL));
                for (uint32_t past = 0; i % 1000 == 0 && past <= MIN(i, (uint32_t) (2 * KEEP)); past++)
                        assert_true((replay_cache_find(&cache, key_of(i - past, key)) != NULL) ==
                                    (past <= KEEP));
        }

        assert_true(cache.room <= 8 * KEEP);
}

static void test_maximum_entries(void **state)
{
        _cleanup_(replay_cache_done) ReplayCache cache = { .max = 1000 };
        uint8_t key[4];
        uint32_t n = 0;

        while (replay_cache_add(&cache, key_of(n, key), START, NULL) == 0)
                assert_true(++n < 4 * cache.max);
        assert_true(n >= cache.max);
        assert_err(replay_cache_add(&cache, key_of(n, key), START, NULL), -ENOBUFS);

        replay_cache_advance(&cache, START + 1);
        assert_ok(replay_cache_add(&cache, bytes_of_string("the day after"), START + 2, NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_expiry),          cmocka_unit_test(test_open_request),
                cmocka_unit_test(test_maximum_time),    cmocka_unit_test(test_many_entries),
                cmocka_unit_test(test_maximum_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
