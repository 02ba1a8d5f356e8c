/* SPDX-License-Identifier: MIT */
/* The real ledger watches the connection of the agent. */

#include "ledger-world.h"

static void start(LedgerBus *world, const char *request)
{
        static const uint8_t key[32] = { 9 };
        sd_bus_message *call = new_call(world, "Started");

        assert_ok(sd_bus_message_append(call, "s", request));
        assert_ok(sd_bus_message_append_array(call, 'y', key, sizeof key));
        sd_bus_message_unref(finish_call(world->client, call, NULL));
}

static void test_an_agent_that_goes(void **state)
{
        LedgerBus *world = *state;
        sd_bus *other = world->client;
        Sibling sibling;

        sibling_init(&sibling, 1);
        const Case waits = { .request = { sibling.edits[0], sibling.edits[1] } };
        world->client = test_bus_connect(world->bus);
        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        assert_string_equal(judge(world, &waits), "accepted");
        start(world, WORLD_ID);
        assert_string_equal(judge(world, &waits), "known:accepted");

        sd_bus_flush_close_unref(world->client);
        world->client = other;
        test_bus_wait_log(world->bus, LEDGER, "requests that were interrupted: 2");
        assert_string_equal(judge(world, &(Case){ 0 }), "known:interrupted_unknown");
        assert_string_equal(judge(world, &waits), "known:interrupted");
        verify_chain(world);
}

/* Another connection that closes is none of its business. */
static void test_another_connection_that_goes(void **state)
{
        LedgerBus *world = *state;
        sd_bus *agent = world->client;

        assert_string_equal(judge(world, &(Case){ 0 }), "accepted");
        world->client = test_bus_connect(world->bus);
        assert_string_equal(judge(world, &(Case){ 0 }), "known:accepted");
        sd_bus_flush_close_unref(world->client);
        world->client = agent;
        start(world, WORLD_ID);
        assert_string_equal(judge(world, &(Case){ 0 }), "known:started");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ledger_test(test_an_agent_that_goes),
                ledger_test(test_another_connection_that_goes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
