/* SPDX-License-Identifier: MIT */
/* What a process with the rights of devbox-matrix can do whatever it is told to: ask for what any operator
 * may, and approve up to the tier `message`, in the name of anybody. */

#include <stdio.h>
#include <unistd.h>

#include "run-calls.h"

#define ANA "@ana:x"
#define KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

/* Ana is an operator and an approver. */
static int up(void **state)
{
        assert_int_equal(run_world_up(state), 0);
        RunWorld *world = *state;

        world->operators = "{\"mxid\":\"" ANA "\",\"msk\":\"" KEY "\"},";
        world->approvers = "{\"mxid\":\"" ANA "\"},";
        run_world_sign_manifest(world, NULL);
        return 0;
}

/* Submit in that name; `wanted` as in finish_call(). Returns the id, in static memory. */
static const char *submit(const RunWorld *world, const char *capability, const char *const *words,
                          const char *principal, const char *wanted)
{
        sd_bus_message *call = new_dispatch_call(world, "Submit");
        static unsigned n_events;
        static char id[64];
        char event_id[16];
        const char *text;

        (void) snprintf(event_id, sizeof event_id, "$%u", ++n_events);
        assert_ok(sd_bus_message_append(call, "ss", "dev-a", capability));
        assert_ok(sd_bus_message_append_strv(call, (char **) words));
        assert_ok(sd_bus_message_append(call, "a{sv}", 3, "principal", "s", principal, "room", "s", "!r:x",
                                        "event_id", "s", event_id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, wanted);
        if (wanted)
                return NULL;
        assert_ok(sd_bus_message_read(reply, "s", &text));
        (void) snprintf(id, sizeof id, "%s", text);
        return id;
}

/* A decision in that name, by an encrypted message; the caller may append options, and finishes it. */
static sd_bus_message *new_decision(const RunWorld *world, const char *method, const char *id,
                                    const char *principal)
{
        sd_bus_message *call = new_dispatch_call(world, method);

        assert_ok(sd_bus_message_append(call, "s", id));
        assert_ok(sd_bus_message_open_container(call, 'a', "{sv}"));
        assert_ok(sd_bus_message_append(call, "{sv}{sv}{sv}", "principal", "s", principal, "room", "s",
                                        "!r:x", "message_id", "s", "$2"));
        return call;
}

static void finish_decision(const RunWorld *world, sd_bus_message *call, const char *wanted)
{
        assert_ok(sd_bus_message_close_container(call));
        sd_bus_message_unref(finish_call(world->client, call, wanted));
}

/* With one more option; NULL: by an encrypted message alone. */
static void approve(const RunWorld *world, const char *id, const char *principal,
                    const char *const option[2], const char *wanted)
{
        sd_bus_message *call = new_decision(world, "Approve", id, principal);

        if (option)
                assert_ok(sd_bus_message_append(call, "{sv}", option[0], "s", option[1]));
        finish_decision(world, call, wanted);
}

static const char *const by_reaction[] = { "reaction_id", "$3" }, *const by_envelope[] = { "envelope",
                                                                                           "{}" };

static void test_asks_for_what_operators_may(void **state)
{
        static const struct {
                const char *words[4], *principal, *end, *error; /* of the request, or of the call */
        } rows[] = {
                { { "ls", "--", "/home" }, ANA, "finished", NULL },
                { { "rm", "-rf", "/home" }, ANA, "rejected", NULL },             /* in no manifest */
                { { "ls", "--", "/home" }, "@eve:x", "rejected", NULL },         /* no operator */
                { { "ls", "--", "/home" }, "local:root", NULL, "AccessDenied" }, /* no name of a chat */
                { { "ls", "--", "/home" }, "dashboard", NULL, "AccessDenied" },
        };
        RunWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *id =
                        submit(world, "shell.exec", rows[i].words, rows[i].principal, rows[i].error);

                if (id)
                        assert_string_equal(wait_end(world, id), rows[i].end);
        }
        wait_chain(world,
                   (const char *const[]){ "\"rejected_capability\"", "\"binary_not_allowed\"", NULL });
        wait_chain(world, (const char *const[]){ "\"rejected_operator\"", "\"@eve:x\"", NULL });
        assert_int_equal(count_chain(world, (const char *const[]){ "\"session\":\"", NULL }), 1);
        verify_chain(world->ledger);
}

static void test_approves_up_to_message(void **state)
{
        RunWorld *world = *state;
        char path[160];
        const char *const words[] = { path, "hello", NULL };

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        const char *id = submit(world, "fs.write", words, ANA, NULL);
        approve(world, id, ANA, by_reaction, "ApprovalMissing");
        approve(world, id, "@eve:x", NULL, "ApprovalMismatch");
        wait_state(world, id, "approving");
        assert_int_equal(access(path, F_OK), -1);
        approve(world, id, ANA, NULL, NULL);
        assert_string_equal(wait_end(world, id), "finished");
        assert_int_equal(access(path, F_OK), 0);
        wait_chain(world, (const char *const[]){ id, "\"approvals\"", "\"approval_msg_id\":\"$2\"", NULL });
}

/* Neither by a name nor by an envelope that it makes up. */
static void test_never_signs(void **state)
{
        static const char *const web[] = { "web", "ps", NULL };
        RunWorld *world = *state;

        const char *id = submit(world, "docker.exec", web, ANA, NULL);
        wait_state(world, id, "approving");
        approve(world, id, ANA, NULL, "ApprovalMissing");
        approve(world, id, "@bob:hs.example", NULL, "ApprovalMissing");
        approve(world, id, "@bob:hs.example", by_reaction, "ApprovalMissing");
        approve(world, id, "@bob:hs.example", by_envelope, "BadEnvelope");
        wait_state(world, id, "approving");
        verify_chain(world->ledger);
}

static const char *count_approvals(const RunWorld *world, const char *id)
{
        sd_bus_message *call = new_dispatch_call(world, "GetRequest");

        assert_ok(sd_bus_message_append(call, "s", id));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = finish_call(world->client, call, NULL);
        return dictionary_text(reply, "approvals");
}

/* A chat that was killed before it stored the answer asks again: it gets the same, and only that. */
static void test_decides_again(void **state)
{
        static const char *const nginx[] = { "nginx.service", NULL };
        RunWorld *world = *state;
        char path[160];
        const char *const words[] = { path, "hello", NULL };

        (void) snprintf(path, sizeof path, "%s/note", world->directory);
        const char *id = submit(world, "fs.write", words, ANA, NULL);
        approve(world, id, ANA, NULL, NULL);
        assert_string_equal(wait_end(world, id), "finished");
        test_daemon_free(world->dispatch);
        start_dispatch(world);
        approve(world, id + 20, ANA, NULL, NULL);
        approve(world, id, "@eve:x", NULL, "RequestState");
        approve(world, id, ANA, by_reaction, "RequestState");
        finish_decision(world, new_decision(world, "Deny", id, ANA), "RequestState");

        id = submit(world, "fs.write", words, ANA, NULL);
        finish_decision(world, new_decision(world, "Deny", id, ANA), NULL);
        finish_decision(world, new_decision(world, "Deny", id, ANA), NULL);
        approve(world, id, ANA, NULL, "RequestState");

        id = submit(world, "service.restart", nginx, ANA, NULL); /* needs two */
        approve(world, id, ANA, NULL, NULL);
        approve(world, id, ANA, NULL, NULL);
        assert_string_equal(count_approvals(world, id), "1");
        finish_decision(world, new_decision(world, "Withdraw", id, ANA), NULL);
        approve(world, id, ANA, NULL, NULL);
        assert_string_equal(count_approvals(world, id), "0"); /* what was taken back stays so */
        wait_chain(world, (const char *const[]){ "\"approval_withdrawn\"", NULL });
        assert_int_equal(count_chain(world, (const char *const[]){ "\"approved\"", NULL }), 2);
        assert_int_equal(count_chain(world, (const char *const[]){ "\"approval_denied\"", NULL }), 1);
}

#define test(function) cmocka_unit_test_setup_teardown(function, up, run_world_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(test_asks_for_what_operators_may),
                test(test_approves_up_to_message),
                test(test_decides_again),
                test(test_never_signs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
