/* SPDX-License-Identifier: MIT */
/* Kills for lack of memory. */

#include "worker/memory-events.h"

#include "test.h"

#define BEFORE "low 0\nhigh 2\nmax 31\noom 1\n"

static void test_kills(void **state)
{
        static const struct {
                const char *text;
                int expected;
                uint64_t kills;
        } rows[] = {
                { BEFORE "oom_kill 0\noom_group_kill 0\n", 0, 0 },
                { BEFORE "oom_kill 3\noom_group_kill 7\n", 0, 3 },
                { "oom_kill 1\n", 0, 1 },
                { "oom_kill 2", 0, 2 }, /* Linux 4.13: the last line */
                { "", -EBADMSG, 9 },
                { "\n\n", -EBADMSG, 9 },
                { BEFORE, -EBADMSG, 9 },
                { BEFORE "oom_group_kill 7\n", -EBADMSG, 9 },
                { BEFORE "oom_kill\n", -EBADMSG, 9 },
                { BEFORE "oom_kill x\n", -EBADMSG, 9 },
                { BEFORE "xoom_kill 1\n", -EBADMSG, 9 },
                { BEFORE "oom_kill 99999999999999999999\n", -EBADMSG, 9 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t kills = 9;

                if (rows[i].expected == 0)
                        assert_ok(memory_events_parse_kills(rows[i].text, &kills));
                else
                        assert_err(memory_events_parse_kills(rows[i].text, &kills), rows[i].expected);
                assert_int_equal(kills, rows[i].kills);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_kills) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
