/* SPDX-License-Identifier: MIT */
#include "api/cache.h"

#include "test.h"

#define TTL_USEC    (1000 * USEC_PER_MSEC)
#define WAITING_MAX 4

typedef struct World {
        Cache *cache;
        usec_t now_usec;
        unsigned n_fetches[2];
        HttpResponse *immediate; /* a fetch ends immediately with this; NULL: later */
        HttpResponse *first, *second;
        HttpResponse *answers[16];
        size_t n_answers;
        bool get_again; /* the waiter calls cache_get() once more */
} World;

static void fetch(unsigned key, void *owner)
{
        World *world = owner;

        world->n_fetches[key]++;
        if (world->immediate)
                cache_store(world->cache, key, world->immediate);
}

static usec_t now(void *owner)
{
        return ((World *) owner)->now_usec;
}

static void on_answer(HttpResponse *reply, void *userdata)
{
        World *world = userdata;

        world->answers[world->n_answers++] = reply;
        if (TAKE(world->get_again, false))
                assert_ok(cache_get(world->cache, 0, on_answer, world));
}

static int setup(void **state)
{
        World *world = calloc(1, sizeof *world);
        static const usec_t ttl_max_usec[] = { USEC_INFINITY, TTL_USEC / 2 };
        CacheOptions options = { 2, TTL_USEC, ttl_max_usec, WAITING_MAX, { fetch, now }, world };

        assert_non_null(world);
        world->now_usec = 5 * USEC_PER_SEC;
        assert_ok(http_response_new_static(200, "text/plain", "1", 1, &world->first));
        assert_ok(http_response_new_static(200, "text/plain", "2", 1, &world->second));
        assert_ok(cache_new(&options, &world->cache));
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        World *world = *state;

        cache_free(world->cache);
        http_response_unref(world->first);
        http_response_unref(world->second);
        free(world);
        return 0;
}

static void get(World *world, unsigned key)
{
        assert_err(cache_get(world->cache, key, on_answer, world), 0);
}

static void test_a_key_with_a_maximum_expires_earlier(void **state)
{
        World *world = *state;

        world->immediate = world->first;
        get(world, 1);
        world->now_usec += TTL_USEC / 2 - 1;
        get(world, 1);
        assert_int_equal(world->n_fetches[1], 1);
        world->now_usec += 1;
        get(world, 1);
        assert_int_equal(world->n_fetches[1], 2);

        cache_set_ttl(world->cache, TTL_USEC / 4); /* the smaller of both */
        world->now_usec += TTL_USEC;
        get(world, 1);
        world->now_usec += TTL_USEC / 4;
        get(world, 1);
        assert_int_equal(world->n_fetches[1], 4);
}

static void test_hit_until_it_expires(void **state)
{
        World *world = *state;

        world->immediate = world->first;
        get(world, 0);
        world->now_usec += TTL_USEC - 1;
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 1);

        world->now_usec += 1;
        world->immediate = world->second;
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 2);
        assert_ptr_equal(world->answers[1], world->first);
        assert_ptr_equal(world->answers[2], world->second);
        assert_int_equal(cache_stats(world->cache, 0)->hits, 1);
        assert_int_equal(cache_stats(world->cache, 0)->misses, 2);
}

static void test_the_age_counts_from_the_answer(void **state)
{
        World *world = *state;

        get(world, 0);
        world->now_usec += 10 * TTL_USEC;
        cache_store(world->cache, 0, world->first);
        world->now_usec += TTL_USEC - 1;
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 1);
}

static void test_one_fetch_for_all(void **state)
{
        World *world = *state;

        for (int i = 0; i < 3; i++)
                get(world, 0);
        assert_int_equal(world->n_fetches[0], 1);
        assert_int_equal(world->n_answers, 0);
        assert_int_equal(cache_stats(world->cache, 0)->n_waiting, 3);

        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_answers, 3);
        assert_int_equal(cache_stats(world->cache, 0)->n_waiting, 0);
}

static void test_keys_are_apart(void **state)
{
        World *world = *state;

        get(world, 0);
        get(world, 1);
        cache_store(world->cache, 1, world->second);
        assert_int_equal(world->n_answers, 1);
        assert_ptr_equal(world->answers[0], world->second);
        assert_int_equal(world->n_fetches[0], 1);
        assert_int_equal(world->n_fetches[1], 1);
}

static void test_too_many_wait(void **state)
{
        World *world = *state;

        for (int i = 0; i < WAITING_MAX; i++)
                get(world, 0);
        assert_err(cache_get(world->cache, 0, on_answer, world), DEVBOX_ERROR_BUSY);
        assert_err(cache_get(world->cache, 1, on_answer, world), DEVBOX_ERROR_BUSY);

        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_answers, WAITING_MAX);
        get(world, 1);
        assert_int_equal(world->n_fetches[1], 1);
}

static void test_without_ttl_fetches_are_shared_and_not_kept(void **state)
{
        World *world = *state;

        cache_set_ttl(world->cache, 0);
        get(world, 0);
        get(world, 0);
        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_fetches[0], 1);
        assert_int_equal(world->n_answers, 2);
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 2);
}

static void test_drop(void **state)
{
        World *world = *state;

        world->immediate = world->first;
        get(world, 0);
        cache_invalidate(world->cache, 0);
        world->immediate = world->second;
        get(world, 0);
        assert_ptr_equal(world->answers[1], world->second);
}

/* Who asked before the drop may get what was fetched before it; who asked after it, never. */
static void test_drop_while_fetching(void **state)
{
        World *world = *state;

        get(world, 0);
        cache_invalidate(world->cache, 0);
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 1);

        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_answers, 1);
        assert_int_equal(world->n_fetches[0], 2);
        cache_store(world->cache, 0, world->second);
        assert_int_equal(world->n_answers, 2);
        assert_ptr_equal(world->answers[0], world->first);
        assert_ptr_equal(world->answers[1], world->second);
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 2);
        assert_ptr_equal(world->answers[2], world->second);
}

static void test_dropped_answer_is_not_kept(void **state)
{
        World *world = *state;

        get(world, 0);
        cache_invalidate(world->cache, 0);
        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_fetches[0], 1);
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 2);
}

static void test_a_get_from_a_waiter(void **state)
{
        World *world = *state;

        world->get_again = true;
        get(world, 0);
        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_answers, 2);
        assert_int_equal(world->n_fetches[0], 1);

        cache_set_ttl(world->cache, 0);
        cache_invalidate(world->cache, 0);
        world->get_again = true;
        get(world, 0);
        cache_store(world->cache, 0, world->first);
        assert_int_equal(world->n_fetches[0], 3);
        assert_int_equal(cache_stats(world->cache, 0)->n_waiting, 1);
}

static void test_no_memory_for_an_answer(void **state)
{
        World *world = *state;

        get(world, 0);
        cache_store(world->cache, 0, NULL);
        assert_int_equal(world->n_answers, 1);
        assert_null(world->answers[0]);
        get(world, 0);
        assert_int_equal(world->n_fetches[0], 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        static const struct CMUnitTest tests[] = {
                TEST(test_a_key_with_a_maximum_expires_earlier),
                TEST(test_hit_until_it_expires),
                TEST(test_the_age_counts_from_the_answer),
                TEST(test_one_fetch_for_all),
                TEST(test_keys_are_apart),
                TEST(test_too_many_wait),
                TEST(test_without_ttl_fetches_are_shared_and_not_kept),
                TEST(test_drop),
                TEST(test_drop_while_fetching),
                TEST(test_dropped_answer_is_not_kept),
                TEST(test_a_get_from_a_waiter),
                TEST(test_no_memory_for_an_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
