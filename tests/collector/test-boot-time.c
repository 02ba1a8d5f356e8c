/* SPDX-License-Identifier: MIT */
/* One boot time until the clock is set. */

#include "collector/boot-time.h"

#include "test.h"

#define STAT "cpu  1 2 3 4\nintr 5 4\nbtime 1795290736\nprocesses 3\n"
#define BOOT (1795290736 * USEC_PER_SEC)

static void test_it_is_read_once(void **state)
{
        static const struct {
                usec_t realtime_usec, boottime_usec;
                bool stale;
        } rows[] = {
                { BOOT + 100, 50, false },
                { BOOT + 100, 49, false }, /* the jitter of two clocks that are read in turn */
                { BOOT + 100, 51, false },
                { BOOT + 900 * USEC_PER_SEC, 900 * USEC_PER_SEC, false },
                { BOOT + 902 * USEC_PER_SEC, 900 * USEC_PER_SEC, true }, /* set forward, and back */
                { BOOT + 898 * USEC_PER_SEC, 900 * USEC_PER_SEC, true },
                { 0, 900 * USEC_PER_SEC, true },
        };
        BootTime boot_time = { 0 };

        assert_true(boot_time_is_stale(&boot_time, BOOT + 100, 50));
        assert_ok(boot_time_parse(&boot_time, STAT, BOOT + 100, 50));
        assert_int_equal(boot_time.at_usec, BOOT);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(
                        boot_time_is_stale(&boot_time, rows[i].realtime_usec, rows[i].boottime_usec),
                        rows[i].stale);
}

static void test_other_texts_change_nothing(void **state)
{
        static const char *const texts[] = {
                "",
                "btime 1\n", /* not a line of its own: cpu precedes it */
                "cpu\nbtime\n",
                "cpu\nbtime x\n",
                "cpu\nbtime -1\n",
                "cpu\nbtime 1795290736", /* truncated */
                "cpu\nbtime 18446744073709551615\n",
                "cpu\nxbtime 1\n",
        };
        BootTime boot_time = { .at_usec = 42 };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_err(boot_time_parse(&boot_time, texts[i], 0, 0), -EBADMSG);
        assert_int_equal(boot_time.at_usec, 42);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_read_once),
                cmocka_unit_test(test_other_texts_change_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
