/* SPDX-License-Identifier: MIT */
/* What the hub shows of a device whose chain cannot be written, or not be witnessed. */

#include "run-calls.h"

/* A member of ListDevices' only row, in static memory; empty: absent. */
static const char *problem(const RunWorld *world, const char *key)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_dispatch_call(world, "GetDevice");

        assert_ok(sd_bus_message_append(call, "s", "dev-a"));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(world->client, TAKE_PTR(call), NULL);
        return dictionary_text(reply, key);
}

static void run_ls(const RunWorld *world, const char *end)
{
        char *words[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, end);
}

/* Until it writes its chain again. */
static void test_ledger(void **state)
{
        RunWorld *world = *state;

        assert_string_equal(problem(world, "ledger_problem"), "");
        (void) test_daemon_stop(world->ledger->daemon);
        world->ledger->daemon = test_daemon_free(world->ledger->daemon);
        run_ls(world, "\"audit_unavailable\"");
        assert_non_null(strstr(problem(world, "ledger_problem"), "the audit chain cannot be written"));

        world->ledger->daemon = start_ledger(world->ledger, false);
        run_ls(world, "\"exit_code\":0");
        assert_string_equal(problem(world, "ledger_problem"), "");
}

/* The ledger of this test witnesses no chain. */
static void test_witness(void **state)
{
        RunWorld *world = *state;

        assert_string_equal(problem(world, "witness_problem"), "");
        run_ls(world, "\"exit_code\":0");
        while (problem(world, "witness_problem")[0] == '\0')
                ;
        assert_non_null(strstr(problem(world, "witness_problem"), "no device of this name"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_ledger),
                run_world_test(test_witness),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
