/* SPDX-License-Identifier: MIT */
/* Spans and points in time as a person writes them. */

#include "basic/timestamp.h"

#include "test.h"

#define NOW UINT64_C(1760000000000)

static void test_moments(void **state)
{
        static const struct {
                const char *text;
                int error;
                uint64_t moment;
        } rows[] = {
                { "30d", 0, NOW + UINT64_C(30) * 86400000 },
                { "12h", 0, NOW + 12 * 3600000 },
                { "5m", 0, NOW + 300000 },
                { "1s", 0, NOW + 1000 },
                { "1970-01-02", 0, 86400000 },
                { "2024-02-29", 0, UINT64_C(1709164800000) },
                { "2024-02-29T12:00:01Z", 0, UINT64_C(1709208001000) },
                { "0", 0, 0 },
                { "1760000000001", 0, NOW + 1 },
                { "2023-02-29", -EINVAL },
                { "2024-13-01", -EINVAL },
                { "2024-02-29T24:00:00Z", -EINVAL },
                { "2024-02-29T12:00:01", -EINVAL },
                { "1960-01-01", -EINVAL },
                { "0d", -ERANGE },
                { "99999d", -ERANGE },
                { "d", -EINVAL },
                { "", -EINVAL },
                { "30 d", -EINVAL },
                { "-30d", -EINVAL },
                { "30w", -EINVAL },
                { "soon", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t moment = 7;

                assert_err(parse_timestamp_ms(rows[i].text, NOW, &moment), rows[i].error);
                assert_int_equal(moment, rows[i].error == 0 ? rows[i].moment : 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_moments) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
