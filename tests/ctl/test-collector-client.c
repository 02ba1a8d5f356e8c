/* SPDX-License-Identifier: MIT */
/* What a snapshot of the collector has. */

#include "ctl/status/collector-client.h"

#include "test.h"

static void test_snapshot_parts(void **state)
{
        const Snapshot snapshot = { .parts = { .n_parts = 2,
                                               .parts = { { (char *) "system", true, 0, 0 },
                                                          { (char *) "services", false, 0, 0 } } } };

        assert_true(snapshot_has(&snapshot, "system"));
        assert_false(snapshot_has(&snapshot, "services"));
        assert_false(snapshot_has(&snapshot, "other"));
        assert_false(snapshot_has(&(Snapshot){ 0 }, "system"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_snapshot_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
