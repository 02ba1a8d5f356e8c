/* SPDX-License-Identifier: MIT */
/* What may be used once, and for how long that is known. */

#include "audit/replay-cache.h"
#include "test.h"

#define START UINT64_C(1760000000000)

static void once_done(ReplayCache *once)
{
        replay_cache_done(once);
}

static void test_window(void **state)
{
        _cleanup_(once_done) ReplayCache once = REPLAY_CACHE_NULL;
        Bytes key = bytes_of_string("nonce");

        assert_null(replay_cache_find(&once, key));
        assert_ok(replay_cache_use(&once, key, START));
        replay_cache_forget(&once, START + REQUEST_KEEP_MS);
        assert_non_null(replay_cache_find(&once, key));
        assert_null(replay_cache_find(&once, bytes_of_string("nonc")));
        replay_cache_forget(&once, START + REQUEST_KEEP_MS + 1);
        assert_null(replay_cache_find(&once, key));
        assert_ok(replay_cache_use(&once, key, START + REQUEST_KEEP_MS + 1));
        assert_non_null(replay_cache_find(&once, key));
}

/* A request that has not ended is known for as long as that takes, and no longer if that was a day; what was
 * used after it is forgotten nevertheless. */
static void test_open_request(void **state)
{
        _cleanup_(once_done) ReplayCache once = REPLAY_CACHE_NULL;
        AuditUsed *request;

        assert_ok(replay_cache_open(&once, bytes_of_string("request"), START, &request));
        request->stage = STAGE_STARTED;
        assert_ok(replay_cache_use(&once, bytes_of_string("nonce"), START + 1));
        for (uint64_t days = 2; days < 5; days++) {
                replay_cache_forget(&once, START + days * REQUEST_KEEP_MS);
                assert_ptr_equal(replay_cache_find(&once, bytes_of_string("request")), request);
                assert_null(replay_cache_find(&once, bytes_of_string("nonce")));
        }

        replay_cache_end(&once, request);
        assert_non_null(replay_cache_find(&once, bytes_of_string("request")));
        replay_cache_forget(&once, START + 4 * REQUEST_KEEP_MS);
        assert_null(replay_cache_find(&once, bytes_of_string("request")));
}

/* By a clock that was wrong, and was then set right: each is forgotten by its own time. */
static void test_a_clock_set_back(void **state)
{
        _cleanup_(once_done) ReplayCache once = REPLAY_CACHE_NULL;

        assert_ok(replay_cache_use(&once, bytes_of_string("false"), START + 2 * REQUEST_KEEP_MS));
        assert_ok(replay_cache_use(&once, bytes_of_string("right"), START));
        replay_cache_forget(&once, START + REQUEST_KEEP_MS + 1);
        assert_null(replay_cache_find(&once, bytes_of_string("right")));
        assert_non_null(replay_cache_find(&once, bytes_of_string("false")));
}

/* Times in a file are whatever somebody wrote there. */
static void test_end_of_time(void **state)
{
        _cleanup_(once_done) ReplayCache once = REPLAY_CACHE_NULL;

        assert_ok(replay_cache_use(&once, bytes_of_string("nonce"), UINT64_MAX));
        replay_cache_forget(&once, UINT64_MAX);
        assert_non_null(replay_cache_find(&once, bytes_of_string("nonce")));
}

static Bytes key_of(uint32_t i, uint8_t *key)
{
        (void) put_be32(key, i);
        return BYTES(key, 4);
}

/* In any order, as many as a ledger remembers, and no more; each is found until its own time has come. */
static void test_many(void **state)
{
        _cleanup_(once_done) ReplayCache once = REPLAY_CACHE_NULL;
        uint8_t key[4];

        for (uint32_t i = 0; i < REPLAY_CACHE_MAX; i++)
                assert_ok(replay_cache_use(&once, key_of(i, key),
                                           START + i * UINT64_C(7919) % REPLAY_CACHE_MAX));
        assert_err(replay_cache_use(&once, bytes_of_string("one more"), START), -ENOBUFS);

        for (uint64_t past = 0; past < REPLAY_CACHE_MAX; past += REPLAY_CACHE_MAX / 10) {
                replay_cache_forget(&once, START + REQUEST_KEEP_MS + past);
                assert_int_equal(once.n, REPLAY_CACHE_MAX - past);
                for (uint32_t i = 0; i < REPLAY_CACHE_MAX; i++)
                        assert_true((replay_cache_find(&once, key_of(i, key)) != NULL) ==
                                    (i * UINT64_C(7919) % REPLAY_CACHE_MAX >= past));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_window),
                cmocka_unit_test(test_open_request),
                cmocka_unit_test(test_a_clock_set_back),
                cmocka_unit_test(test_end_of_time),
                cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
