/* SPDX-License-Identifier: MIT */
/* Opening a ledger. */

#include "ledger-world.h"

static void test_39_tampering_is_noticed_at_the_start(void **state)
{
        static const char *const rows[] = {
                "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
                "DELETE FROM audit WHERE seq = (SELECT max(seq) - 1 FROM audit)",
                "UPDATE audit SET body = CAST(body || x'20' AS BLOB) WHERE seq = (SELECT max(seq) FROM "
                "audit)",
                "UPDATE audit SET time_ms = time_ms + 1 WHERE seq = (SELECT max(seq) FROM audit)",
                "UPDATE state SET value = zeroblob(16) WHERE key = 'chain_id'",
                "DELETE FROM state WHERE key = 'device'",
                "UPDATE state SET value = '{}' WHERE key = 'root'",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LedgerWorld *world = *state;
                _cleanup_(freep) char *checkpoint = NULL;

                assert_int_equal(ledger_flush(world->ledger, &checkpoint), 0);
                ledger_world_close(world);
                ledger_world_tamper(world, "DROP TRIGGER audit_no_delete; DROP TRIGGER audit_no_update;");
                ledger_world_tamper(world, rows[i]);
                assert_err(ledger_world_try_open(world), -EUCLEAN);
                assert_int_equal(ledger_world_down(state), 0);
                assert_int_equal(ledger_world_up(state), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_39_tampering_is_noticed_at_the_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
