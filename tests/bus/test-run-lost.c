/* SPDX-License-Identifier: MIT */
/* Requests and answers that are lost or late on the way. Whatever then ends a request, by a person, the
 * clock or a crash of the dispatcher: what the hub reports is what the device did. */

#include <stdio.h>
#include <unistd.h>

#include "basic/time.h"
#include "lossy-link.h"
#include "run-calls.h"

typedef enum Then { THEN_NOTHING, THEN_CANCEL, THEN_EXPIRE, THEN_CANCEL_AND_CRASH } Then;

static LossyLink *link_to_agent;

static void restart_dispatch(RunWorld *world)
{
        test_daemon_free(world->dispatch);
        start_dispatch(world);
}

static int up(void **state)
{
        assert_int_equal(run_world_up(state), 0);
        link_to_agent = lossy_link_new(*state);
        restart_dispatch(*state);
        return 0;
}

static int down(void **state)
{
        link_to_agent = lossy_link_free(link_to_agent);
        return run_world_down(state);
}

static void cancel(const RunWorld *world, const char *id)
{
        sd_bus_message *call = new_dispatch_call(world, "Cancel");

        assert_ok(sd_bus_message_append(call, "s", id));
        sd_bus_message_unref(finish_call(world->client, call, NULL));
}

/* Returns false if it was not sent in its time. */
static bool lose(RunWorld *world, LossyMode mode, bool may_wait, Then then, const char *wanted)
{
        char id[64], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL },
                     *soon[] = { (char *) "ls", (char *) "soon", NULL };
        double accepted = test_metric(world->client, LEDGER, "requests_accepted_total");

        lossy_link_set(link_to_agent, mode);
        submit_command(world, "dev-a", may_wait, then == THEN_EXPIRE ? soon : ls, id);
        while (lossy_link_mode(link_to_agent) != LOSSY_AWAY && request_left_ms(world, id) > 0)
                (void) usleep(10000);
        if (request_left_ms(world, id) == 0)
                return false;

        while (then == THEN_EXPIRE && request_left_ms(world, id) > 0)
                (void) usleep(50000);
        if (then == THEN_CANCEL || then == THEN_CANCEL_AND_CRASH)
                cancel(world, id);
        if (then == THEN_CANCEL_AND_CRASH)
                restart_dispatch(world);
        lossy_link_wait_refused(link_to_agent);
        lossy_link_set(link_to_agent, LOSSY_PASS);

        assert_string_equal(wait_end(world, id), wanted);
        accepted = test_metric(world->client, LEDGER, "requests_accepted_total") - accepted;
        assert_true(accepted == (streq(wanted, "finished") ? 1 : 0));
        return true;
}

static void test_lost_on_the_way(void **state)
{
        static const struct {
                LossyMode mode;
                Then then;
                const char *end;
        } rows[] = {
                { LOSSY_NO_ANSWER, THEN_NOTHING, "finished" },
                { LOSSY_NO_ANSWER, THEN_CANCEL, "finished" },
                { LOSSY_NO_ANSWER, THEN_EXPIRE, "finished" },
                { LOSSY_NO_ANSWER, THEN_CANCEL_AND_CRASH, "finished" },
                { LOSSY_NO_REQUEST, THEN_NOTHING, "finished" },
                { LOSSY_NO_REQUEST, THEN_CANCEL, "cancelled" },
                { LOSSY_NO_REQUEST, THEN_EXPIRE, "expired" },
                { LOSSY_NO_REQUEST, THEN_CANCEL_AND_CRASH, "cancelled" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (int may_wait = 0; may_wait < 2; may_wait++)
                        while (!lose(*state, rows[i].mode, may_wait, rows[i].then, rows[i].end))
                                ;
        verify_chain(((RunWorld *) *state)->ledger);
}

static void wait_held(void)
{
        for (unsigned i = 0; i < TEST_DEADLINE_SEC * 100 && lossy_link_mode(link_to_agent) != LOSSY_HELD;
             i++)
                (void) usleep(10000);
        assert_int_equal(lossy_link_mode(link_to_agent), LOSSY_HELD);
}

/* One request overtakes another, in the same session or after each of these losses of it. */
static void overtake(RunWorld *world, unsigned n_losses)
{
        char *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome first = { 0 };

        lossy_link_set(link_to_agent, LOSSY_HOLD);
        int fd = run(world, "shell.exec", ls, &first);
        for (unsigned i = 0; i < n_losses; i++) {
                wait_held();
                (void) test_daemon_stop(world->ledger->daemon);
                test_daemon_free(world->ledger->daemon);
                world->ledger->daemon = start_ledger(world->ledger, false);
                run_ls(world, "\"exit_code\":0");
                lossy_link_set(link_to_agent, LOSSY_HOLD);
        }
        wait_held();
        run_ls(world, "\"exit_code\":0");
        lossy_link_set(link_to_agent, LOSSY_PASS);
        follow(fd, &first);
        assert_end(world, &first, "\"exit_code\":0");
}

/* What is denied in a session that is over is sent again in the next: of several, one begins it. */
static void test_overtaken(void **state)
{
        static const char *const session[] = { "\"session\"", NULL };
        RunWorld *world = *state;

        run_ls(world, "\"exit_code\":0");
        unsigned n_sessions = count_chain(world, session);
        for (unsigned n_losses = 0; n_losses < 3; n_losses++) {
                overtake(world, n_losses);
                n_sessions += n_losses;
                assert_int_equal(count_chain(world, session), n_sessions);
        }
}

/* What is withdrawn while its delivery is under way is denied in the same session, which ends that one. What
 * has lost its connection is delivered again in a new session. */
static void test_under_way(void **state)
{
        static const char *const session[] = { "\"session\"", NULL };
        RunWorld *world = *state;

        run_ls(world, "\"exit_code\":0");
        unsigned n_sessions = count_chain(world, session);
        for (unsigned dropped = 0; dropped < 2; dropped++) {
                char id[64], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };

                lossy_link_set(link_to_agent, LOSSY_HOLD);
                submit_command(world, "dev-a", false, ls, id);
                wait_held();
                if (dropped)
                        lossy_link_set(link_to_agent, LOSSY_DROP);
                else
                        cancel(world, id);
                assert_string_equal(wait_end(world, id), dropped ? "finished" : "cancelled");
                lossy_link_set(link_to_agent, LOSSY_PASS);
                assert_int_equal(count_chain(world, session), n_sessions + dropped);
        }
}

/* What runs when another one loses its session, and the mesh cannot say who the device is, ends with its own
 * result. */
static void test_end_without_a_session(void **state)
{
        RunWorld *world = *state;
        char *sleep[] = { (char *) "sleep", (char *) "1000", NULL };
        char id[64], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        int fd = run_for(world, 3000, sleep, &outcome);
        wait_state(world, outcome.id, "running");
        lossy_link_set(link_to_agent, LOSSY_HOLD);
        submit_command(world, "dev-a", false, ls, id);
        wait_held();
        atomic_store(&world->mesh_fails, true);
        lossy_link_set(link_to_agent, LOSSY_DROP);
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"state\":\"timeout\"");
        atomic_store(&world->mesh_fails, false);
        assert_string_equal(wait_end(world, id), "finished");
}

/* What may not wait does not go where nobody is, also where a connection is open from before. */
static void test_connection_to_nobody(void **state)
{
        RunWorld *world = *state;
        char id[64], *ls[] = { (char *) "ls", (char *) "--", (char *) "/home", NULL };

        submit_command(world, "dev-a", false, ls, id);
        assert_string_equal(wait_end(world, id), "finished");
        lossy_link_set(link_to_agent, LOSSY_DEAD);
        submit_command(world, "dev-a", false, ls, id);
        assert_string_equal(wait_end(world, id), "unreachable");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_lost_on_the_way, up, down),
                cmocka_unit_test_setup_teardown(test_overtaken, up, down),
                cmocka_unit_test_setup_teardown(test_under_way, up, down),
                cmocka_unit_test_setup_teardown(test_end_without_a_session, up, down),
                cmocka_unit_test_setup_teardown(test_connection_to_nobody, up, down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
