/* SPDX-License-Identifier: MIT */
/* CPU use over the last complete window. Spans are short; only the order of events is asserted. */

#include "collector/sampler.h"

#include <math.h>
#include <unistd.h>

#include "proc-tree.h"

typedef struct World {
        ProcTree *tree;
        sd_event *event;
        System *system;
        Sampler *sampler;
        unsigned n_windows;
} World;

static void on_window(void *owner)
{
        ((World *) owner)->n_windows++;
}

static int world_up_with(void **state, usec_t stop_after_usec)
{
        World *world = calloc(1, sizeof *world);
        void *tree;

        assert_non_null(world);
        assert_ok(proc_tree_up(&tree));
        world->tree = tree;
        assert_ok(sd_event_new(&world->event));
        assert_ok(system_new(fcntl(world->tree->fd, F_DUPFD_CLOEXEC, 0), &world->system));
        assert_ok(sampler_new(world->event, world->system,
                              &(SamplerOptions){ .first_window_usec = 10 * USEC_PER_MSEC,
                                                 .window_usec = 20 * USEC_PER_MSEC,
                                                 .stop_after_usec = stop_after_usec,
                                                 .on_window = on_window,
                                                 .owner = world },
                              &world->sampler));
        *state = world;
        return 0;
}

static int world_up(void **state)
{
        return world_up_with(state, 3600 * USEC_PER_SEC);
}

static int world_up_stopping(void **state)
{
        return world_up_with(state, 200 * USEC_PER_MSEC);
}

static int world_down(void **state)
{
        World *world = *state;
        void *tree = world->tree;

        sampler_free(world->sampler);
        system_free(world->system);
        sd_event_unref(world->event);
        free(world);
        return proc_tree_down(&tree);
}

static void run_until_window(World *world, unsigned n_windows)
{
        while (world->n_windows < n_windows)
                assert_true(assert_ok(sd_event_run(world->event, 10 * USEC_PER_SEC)) > 0);
}

static void test_the_first_request_waits_for_a_window(void **state)
{
        World *world = *state;

        assert_false(sampler_running(world->sampler));
        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        assert_true(sampler_running(world->sampler));
        proc_tree_write(world->tree, "stat", "cpu  175 0 100 825 0 0 0 0 0 0\n");
        run_until_window(world, 1);
        assert_err(sampler_request(world->sampler), SAMPLER_READY);
        assert_float_equal(sampler_cpu_percent(world->sampler), 75, 1e-9);
}

static void test_windows_follow_each_other(void **state)
{
        World *world = *state;

        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        run_until_window(world, 1);
        assert_float_equal(sampler_cpu_percent(world->sampler), 0, 1e-9);
        proc_tree_write(world->tree, "stat", "cpu  150 0 100 850 0 0 0 0 0 0\n");
        while (sampler_cpu_percent(world->sampler) < 1)
                assert_true(assert_ok(sd_event_run(world->event, 10 * USEC_PER_SEC)) > 0);
        assert_float_equal(sampler_cpu_percent(world->sampler), 50, 1e-9);
        assert_int_equal(world->n_windows, 1); /* called for the first only */
}

static void test_it_stops_without_requests(void **state)
{
        World *world = *state;

        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        while (sampler_running(world->sampler))
                assert_true(assert_ok(sd_event_run(world->event, 10 * USEC_PER_SEC)) > 0);
        assert_int_equal(world->n_windows, 1);

        /* Without a timer nothing is due. */
        assert_int_equal(usleep(300 * USEC_PER_MSEC), 0);
        assert_err(sd_event_run(world->event, 0), 0);
        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        run_until_window(world, 2);
}

static void test_errors_are_reported(void **state)
{
        World *world = *state;

        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        proc_tree_write(world->tree, "stat", "garbage\n");
        run_until_window(world, 1);
        assert_true(isnan(sampler_cpu_percent(world->sampler)));
        assert_false(sampler_running(world->sampler));
        assert_err(sampler_request(world->sampler), -EBADMSG);

        proc_tree_write(world->tree, "stat", PROC_STAT);
        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        run_until_window(world, 2);
}

static void test_a_window_that_fails_later_starts_over(void **state)
{
        World *world = *state;

        assert_err(sampler_request(world->sampler), SAMPLER_WAIT);
        run_until_window(world, 1);
        proc_tree_write(world->tree, "stat", "");
        while (sampler_running(world->sampler))
                assert_true(assert_ok(sd_event_run(world->event, 10 * USEC_PER_SEC)) > 0);
        assert_int_equal(world->n_windows, 1);
        assert_err(sampler_request(world->sampler), -EBADMSG);
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_up, world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                world_test(test_the_first_request_waits_for_a_window),
                world_test(test_windows_follow_each_other),
                cmocka_unit_test_setup_teardown(test_it_stops_without_requests, world_up_stopping,
                                                world_down),
                world_test(test_errors_are_reported),
                world_test(test_a_window_that_fails_later_starts_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
