/* SPDX-License-Identifier: MIT */
/* What people decide about requests: what they are shown, and what the chain of the hub records. */

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/fd.h"
#include "ctl-run.h"
#include "run-calls.h"

#define run_words(world, ...) run_ctl_words((world)->ledger->bus, (const char *const[]){ __VA_ARGS__, NULL })

static void cancel(const RunWorld *world, const char *id)
{
        sd_bus_message *call = new_dispatch_call(world, "Cancel");

        assert_ok(sd_bus_message_append(call, "s", id));
        sd_bus_message_unref(finish_call(world->client, call, NULL));
}

static void test_decisions_are_recorded(void **state)
{
        RunWorld *world = *state;
        static const struct {
                const char *method, *parts[4];
        } rows[] = {
                { "Approve", { "\"approved\"", "\"tier\":\"message\"", "\"subject\":\"fs.write.srv\"" } },
                { "Deny", { "\"approval_denied\"", "\"rejected_approval\"", "\"principal\":\"local:" } },
                { "Cancel", { "\"approval_withdrawn\"", "\"device\":\"dev-a\"" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char path[160], request[80], *words[] = { path, (char *) "hello", NULL };
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };
                const char *parts[] = { request, rows[i].parts[0], rows[i].parts[1], rows[i].parts[2],
                                        NULL };

                (void) snprintf(path, sizeof path, "%s/note-%zu", world->directory, i);
                int fd = run(world, "fs.write", words, &outcome);
                (void) snprintf(request, sizeof request, "\"request\":\"%s\"", outcome.id);
                wait_chain(world, (const char *const[]){ request, "\"approval_requested\"", NULL });
                if (streq(rows[i].method, "Cancel"))
                        cancel(world, outcome.id);
                else
                        decide(world, rows[i].method, outcome.id, NULL);
                follow(fd, &outcome);
                wait_chain(world, parts);
        }
        verify_chain(world->ledger);
}

/* By who asked for it and whom the manifest names, not by people of other devices. */
static void test_cancel_for(void **state)
{
        static const struct {
                const char *principal, *error;
        } rows[] = { { "@eve:x", "OperatorUnknown" }, { "@ben:x", NULL }, { "@cleo:x", NULL } };
        RunWorld *world = *state;

        world->operators = "{\"mxid\":\"@ben:x\"},";
        world->approvers = "{\"mxid\":\"@cleo:x\"},";
        run_world_sign_manifest(world, NULL);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char path[160], *words[] = { path, (char *) "hello", NULL };
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };

                (void) snprintf(path, sizeof path, "%s/note-%zu", world->directory, i);
                int fd = run(world, "fs.write", words, &outcome);
                sd_bus_message *call = new_dispatch_call(world, "CancelFor");
                assert_ok(sd_bus_message_append(call, "ss", outcome.id, rows[i].principal));
                sd_bus_message_unref(finish_call(world->client, call, rows[i].error));
                if (rows[i].error) {
                        wait_state(world, outcome.id, "approving");
                        cancel(world, outcome.id);
                }
                follow(fd, &outcome);
                assert_end(world, &outcome, "\"state\":\"cancelled\"");
        }
}

/* What nobody decides ends in its time. */
static void test_expired(void **state)
{
        RunWorld *world = *state;
        char request[80], *words[] = { (char *) "ls", (char *) "late", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        follow(run(world, "shell.exec", words, &outcome), &outcome);
        assert_end(world, &outcome, "\"state\":\"expired\",\"reason\":\"approval_expired\"");
        (void) snprintf(request, sizeof request, "\"request\":\"%s\"", outcome.id);
        wait_chain(world,
                   (const char *const[]){ request, "\"approval_expired\"", "\"rejected_approval\"", NULL });
        decide(world, "Approve", outcome.id, "RequestState");
}

/* One of two goes alone, and may be given again. */
static void test_withdrawn_while_it_waits(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "nginx.service", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        int fd = run(world, "service.restart", words, &outcome);
        for (size_t i = 0; i < 2; i++) {
                decide(world, "Withdraw", outcome.id, "ApprovalMissing");
                decide(world, "Approve", outcome.id, NULL);
                decide(world, "Approve", outcome.id, "ApprovalReused");
                _cleanup_(run_done) Run withdrawn = run_words(world, "approve", "--withdraw", outcome.id);
                assert_int_equal(withdrawn.status, 0);
        }
        wait_chain(world, (const char *const[]){ "\"approval_withdrawn\"", "\"principal\":\"local:", NULL });
        cancel(world, outcome.id);
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"state\":\"cancelled\"");
        decide(world, "Withdraw", outcome.id, "RequestState");
}

static void test_withdrawn_while_it_runs(void **state)
{
        RunWorld *world = *state;
        char *words[] = { (char *) "/usr/bin/sleep", (char *) "infinity", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        int fd = run(world, "shell.exec", words, &outcome);
        decide(world, "Approve", outcome.id, NULL);
        wait_state(world, outcome.id, "running");
        decide(world, "Withdraw", outcome.id, NULL);
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"state\":\"cancelled\"");
        verify_chain(world->ledger);
}

/* Who decides reads which file would be written and what would run, not only the kind of it. */
static void test_approvers_see_the_arguments(void **state)
{
        static const char *const arguments =
                "{\"root\":\"srv\",\"path\":\"a note\",\"mode\":\"create\",\"content_b64\":{\"sha256\":"
                "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\",\"size\":5}}\n";
        RunWorld *world = *state;
        char path[160], what[320], listed_what[121], *words[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        (void) snprintf(path, sizeof path, "%s/a note", world->directory);
        (void) snprintf(what, sizeof what,
                        "fs.write '%s' (5 bytes, a new file, sha256 "
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824)\n",
                        path);
        (void) snprintf(listed_what, sizeof listed_what, "%.117s\xe2\x80\xa6", what);
        int fd = run(world, "fs.write", words, &outcome);
        _cleanup_(run_done) Run waiting = run_words(world, "approvals");
        assert_has(waiting.output, " TOOK WHAT\n");
        assert_has(waiting.output, what);
        _cleanup_(run_done) Run listed = run_words(world, "requests");
        assert_has(listed.output, listed_what);
        assert_null(strstr(listed.output, "b9824"));
        _cleanup_(run_done) Run json = run_words(world, "approvals", "--json");
        assert_has(json.output, "\"arguments\":\"{\\\"root\\\":");
        _cleanup_(run_done) Run one = run_words(world, "request", "show", outcome.id);
        assert_has(one.output, "\nArguments ");
        assert_has(one.output, arguments);
        assert_has(one.output, what);
        _cleanup_(run_done) Run short_id = run_words(world, "approve", outcome.id + 21);
        assert_has(short_id.output, "at least the last 6 characters");
        for (char *at = outcome.id; *at; at++)
                *at = (char) tolower(*at);
        _cleanup_(run_done) Run approved = run_words(world, "approve", outcome.id);
        assert_has(approved.output, " asks dev-a for: fs.write ");
        assert_has(approved.output, what);
        assert_has(approved.output, " is approved\n");
        follow(fd, &outcome);
        assert_end(world, &outcome, "\"exit_code\":0");
}

static void test_who_may_not_decide(void **state)
{
        RunWorld *world = *state;
        char path[160], *words[] = { path, (char *) "hello", NULL };
        _cleanup_(outcome_done) Outcome outcome = { .id = "" };

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        _cleanup_(fd_closep) int fd = run(world, "fs.write", words, &outcome);
        run_world_sign_manifest(world, "someone-else");
        decide(world, "Approve", outcome.id, "ApprovalMismatch");
        _cleanup_(run_done) Run rejected = run_words(world, "approve", outcome.id);
        assert_has(rejected.output, "does not count for this request: the manifest does not name whoever "
                                    "decided as an approver\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_decisions_are_recorded),
                run_world_test(test_cancel_for),
                run_world_test(test_expired),
                run_world_test(test_withdrawn_while_it_waits),
                run_world_test(test_withdrawn_while_it_runs),
                run_world_test(test_who_may_not_decide),
                run_world_test(test_approvers_see_the_arguments),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
