/* SPDX-License-Identifier: MIT */
/* Says when nothing was asked for a while. Spans are short, and only their order is looked at. */

#include "event/idle.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "basic/fd.h"
#include "test.h"

#define SPAN_USEC (20 * USEC_PER_MSEC)

typedef struct Fixture {
        sd_event *event;
        Idle idle;
        int n_calls, result;
        usec_t called_at_usec;
} Fixture;

static int on_idle(void *owner)
{
        Fixture *fixture = owner;

        fixture->n_calls++;
        fixture->called_at_usec = time_now(CLOCK_MONOTONIC);
        return fixture->result;
}

static void fixture_init(Fixture *fixture, usec_t after_usec)
{
        *fixture = (Fixture){ 0 };
        assert_ok(sd_event_new(&fixture->event));
        assert_ok(idle_init(&fixture->idle, fixture->event, after_usec, on_idle, fixture));
}

static void fixture_done(Fixture *fixture)
{
        idle_done(&fixture->idle);
        fixture->event = sd_event_unref(fixture->event);
}

static bool armed(const Fixture *fixture)
{
        int enabled;

        assert_ok(sd_event_source_get_enabled(fixture->idle.timer, &enabled));
        return enabled != SD_EVENT_OFF;
}

static void test_calls_after_the_span_and_again(void **state)
{
        _cleanup_(fixture_done) Fixture fixture;
        usec_t begin_usec = time_now(CLOCK_MONOTONIC);

        fixture_init(&fixture, SPAN_USEC);
        while (fixture.n_calls == 0)
                assert_ok(sd_event_run(fixture.event, UINT64_MAX));
        assert_true(fixture.called_at_usec >= begin_usec + SPAN_USEC);

        usec_t first_usec = fixture.called_at_usec;
        while (fixture.n_calls == 1)
                assert_ok(sd_event_run(fixture.event, UINT64_MAX));
        assert_true(fixture.called_at_usec >= first_usec + SPAN_USEC);
}

static int on_touch(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Fixture *fixture = userdata;
        eventfd_t value;

        assert_int_equal(eventfd_read(fd, &value), 0);
        idle_touch(&fixture->idle);
        return 0;
}

/* Returns false if this machine stalled for longer than the span after the request. */
static bool touched_when_due(int fd)
{
        const usec_t long_usec = 300 * USEC_PER_MSEC; /* two iterations follow each other faster than that */
        _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
        _cleanup_(fixture_done) Fixture fixture;

        fixture_init(&fixture, long_usec);
        assert_int_equal(eventfd_write(fd, 1), 0);
        assert_ok(sd_event_add_io(fixture.event, &source, fd, EPOLLIN, on_touch, &fixture));
        assert_ok(sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT));

        assert_int_equal(usleep((useconds_t) long_usec + 10000), 0);
        assert_ok(sd_event_run(fixture.event, 0)); /* the request */
        assert_ok(sd_event_run(fixture.event, 0)); /* the timer */
        if (time_now(CLOCK_MONOTONIC) >= fixture.idle.touched_at_usec + long_usec)
                return false;
        assert_int_equal(fixture.n_calls, 0);
        assert_true(armed(&fixture));

        while (fixture.n_calls == 0)
                assert_ok(sd_event_run(fixture.event, UINT64_MAX));
        assert_true(fixture.called_at_usec >= fixture.idle.touched_at_usec);
        return true;
}

/* The timer is due, and in the same iteration of the loop a request comes first: then it is not idle. */
static void test_touched_when_due_is_not_idle(void **state)
{
        _cleanup_(fd_closep) int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        usec_t end = deadline_after(60 * USEC_PER_SEC);

        while (!touched_when_due(fd))
                assert_true(deadline_left(end) > 0);
}

static void test_a_failing_handler_ends_the_loop(void **state)
{
        _cleanup_(fixture_done) Fixture fixture;

        fixture_init(&fixture, SPAN_USEC);
        fixture.result = -EXDEV;
        assert_err(sd_event_loop(fixture.event), -EXDEV);
        assert_int_equal(fixture.n_calls, 1);
}

static void test_never_does_not_wake_up(void **state)
{
        static const usec_t rows[] = { 0, USEC_INFINITY };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(fixture_done) Fixture fixture;

                fixture_init(&fixture, rows[i]);
                assert_false(armed(&fixture));
        }
}

static void test_the_span_can_change(void **state)
{
        _cleanup_(fixture_done) Fixture fixture;

        fixture_init(&fixture, USEC_INFINITY);
        assert_ok(idle_set_after(&fixture.idle, SPAN_USEC));
        assert_true(armed(&fixture));
        while (fixture.n_calls == 0)
                assert_ok(sd_event_run(fixture.event, UINT64_MAX));

        assert_ok(idle_set_after(&fixture.idle, 0));
        assert_false(armed(&fixture));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_calls_after_the_span_and_again),
                cmocka_unit_test(test_touched_when_due_is_not_idle),
                cmocka_unit_test(test_a_failing_handler_ends_the_loop),
                cmocka_unit_test(test_never_does_not_wake_up),
                cmocka_unit_test(test_the_span_can_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
