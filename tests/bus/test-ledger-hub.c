/* SPDX-License-Identifier: MIT */
/* The real ledger of a hub on a private bus: what mesh and dispatcher record there. */

#include "ledger-world.h"

/* The id of the outbox makes a repeated call harmless. */
static void test_a_hub_records_events(void **state)
{
        LedgerBus *world = *state;
        static const struct {
                const char *kind, *device, *id, *value, *wanted;
                int entries;
        } rows[] = {
                { "claimed", "dev-b", "01K75A3Q0000000000000000AA", "482 913", NULL, 1 },
                { "claimed", "dev-b", "01K75A3Q0000000000000000AA", "482 913", NULL, 0 },
                { "admitted", "dev-b", "01K75A3Q0000000000000000AA", "482 913", "BadRequest", 0 },
                { "drift", "", "01K75A3Q0000000000000000AB", "mtu", NULL, 1 },
                { "approved", "dev-b", "01K75A3Q0000000000000000AC", "local:ana", NULL, 1 },
                { "unpinned", "dev-b", "01K75A3Q0000000000000000AD", "x", "BadRequest", 0 },
                { "claimd", "dev-b", "01K75A3Q0000000000000000AE", "x", "BadRequest", 0 },
                { "claimed", "dev-b", "1", "x", "BadSchema", 0 },
                { "claimed", "-", "01K75A3Q0000000000000000AF", "x", "BadSchema", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t size = chain_size(world);
                sd_bus_message *call = new_call(world, "Record");

                assert_ok(sd_bus_message_append(call, "ssa{sv}", rows[i].kind, rows[i].device, 2, "id", "s",
                                                rows[i].id, "detail", "s", rows[i].value));
                sd_bus_message_unref(finish_call(world->client, call, rows[i].wanted));
                assert_int_equal(chain_size(world) - size, rows[i].entries);
        }

        sd_bus_message *call = new_call(world, "Record");
        assert_ok(sd_bus_message_append(call, "ssa{sv}", "claimed", "dev-b", 0));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call = new_call(world, "Record");
        assert_ok(sd_bus_message_append(call, "ssa{sv}", "claimed", "dev-b", 1, "id", "t", (uint64_t) 1));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        call_text(world, "Unpin", "dev-b", "PeerUnknown");
        verify_chain(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_a_hub_records_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
