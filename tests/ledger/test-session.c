/* SPDX-License-Identifier: MIT */
/* Sessions. */

#include "codec/binary-text.h"
#include "ledger-world.h"

/* Sessions are entries, so there are only so many in a minute. */
static void test_sessions_are_limited(void **state)
{
        LedgerWorld *world = *state;
        uint8_t session[SESSION_NONCE_SIZE];
        uint64_t size = ledger_world_size(world);
        unsigned n = 0;

        while (ledger_begin_session(world->ledger, session) == 0)
                n++;
        assert_int_equal(n, 119); /* and the one of the set-up */
        assert_int_equal(ledger_begin_session(world->ledger, session), DEVBOX_ERROR_RATE_LIMITED);
        assert_true(ledger_world_size(world) == size + n);

        /* The current one continues. */
        hex_format(BYTES_OF(session), world->made.session);
        assert_int_equal(ledger_world_judge(world, &(Case){ 0 }), 0);

        world->time.now_ms += 60000;
        assert_int_equal(ledger_begin_session(world->ledger, session), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_sessions_are_limited),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
