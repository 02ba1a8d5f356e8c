/* SPDX-License-Identifier: MIT */
/* What the hub shows of a device whose chain cannot be written, or not be witnessed, and of one that is at
 * its limit. */

#include <stdio.h>
#include <unistd.h>

#include "agent/agent-internal.h"
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

/* Until it writes its chain again. */
static void test_ledger(void **state)
{
        RunWorld *world = *state;

        assert_string_equal(problem(world, "ledger_problem"), "");
        assert_string_equal(problem(world, "ledger_known"), "false");
        (void) test_daemon_stop(world->ledger->daemon);
        world->ledger->daemon = test_daemon_free(world->ledger->daemon);
        run_ls(world, "\"audit_unavailable\"");
        assert_non_null(strstr(problem(world, "ledger_problem"), "the audit chain cannot be written"));
        assert_string_equal(problem(world, "ledger_known"), "true");
        assert_string_equal(problem(world, "quarantine_known"), "false"); /* it is the hub's, too */

        world->ledger->daemon = start_ledger(world->ledger, false);
        run_ls(world, "\"exit_code\":0");
        assert_string_equal(problem(world, "ledger_problem"), "");
        assert_string_equal(problem(world, "ledger_known"), "true");
        assert_string_equal(problem(world, "quarantine_known"), "true");
}

/* The ledger of this test witnesses no chain. */
static void test_witness(void **state)
{
        RunWorld *world = *state;

        assert_string_equal(problem(world, "witness_problem"), "");
        assert_string_equal(problem(world, "witness_known"), "false");
        run_ls(world, "\"exit_code\":0");
        while (problem(world, "witness_problem")[0] == '\0')
                ;
        assert_non_null(strstr(problem(world, "witness_problem"), "no device of this name"));
        assert_string_equal(problem(world, "witness_known"), "true");
}

/* Who waits for one more learns why it did not run; what may wait runs when one has ended. */
static void test_agent_at_its_limit(void **state)
{
        RunWorld *world = *state;
        char waiting[64], *sleep[] = { (char *) "sleep", (char *) "1000", NULL },
                          *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        Outcome running[RUNS_MAX] = { 0 };
        int fds[RUNS_MAX];

        for (size_t i = 0; i < RUNS_MAX; i++) {
                fds[i] = run(world, "shell.exec", sleep, &running[i]);
                wait_state(world, running[i].id, "running");
        }
        run_ls(world,
               "\"state\":\"rejected\",\"reason\":\"busy\",\"message\":\"dev-a runs as many requests");
        submit_command(world, "dev-a", true, ls, waiting);
        run_ls(world, "\"reason\":\"busy\"");
        wait_state(world, waiting, "queued");

        for (size_t i = 0; i < RUNS_MAX; i++) {
                (void) close(fds[i]);
                outcome_done(&running[i]);
        }
        assert_string_equal(wait_end(world, waiting), "finished");
        verify_chain(world->ledger);
}

/* As many as the device allows in a minute: the request waits for the next one. */
static void test_sessions_are_used_up(void **state)
{
        RunWorld *world = *state;
        char id[64], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        bool limited = false;

        while (!limited) {
                sd_bus_error error = SD_BUS_ERROR_NULL;

                limited = sd_bus_call_method(world->client, LEDGER, "/org/devbox/Ledger1", LEDGER,
                                             "BeginSession", &error, NULL, "") < 0;
                assert_true(!limited || sd_bus_error_has_name(&error, "org.devbox.Error.RateLimited"));
                sd_bus_error_free(&error);
        }
        submit_command(world, "dev-a", false, ls, id);
        for (unsigned i = 0; i < 2 * TEST_DEADLINE_SEC * 10 &&
                             test_metric(world->client, LEDGER, "requests_accepted_total") == 0;
             i++)
                (void) usleep(100000);
        assert_string_equal(wait_end(world, id), "finished");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_ledger),
                run_world_test(test_witness),
                run_world_test(test_agent_at_its_limit),
                run_world_test(test_sessions_are_used_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
