/* SPDX-License-Identifier: MIT */
/* Requests of a chat: at most one for each event, which its client may leave and follow again. */

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "files.h"
#include "run-calls.h"

/* One event causes one request, whose end is there again with what is kept of its output. */
static void test_event(void **state)
{
        static char text[200000];
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome first = { .id = "" }, again = { .id = "" };
        _cleanup_(freep) char *path = text_of("%s/long", world->directory);
        char *words[] = { (char *) "fs.read", path, NULL };
        int fd;

        memset(text, 'x', sizeof text);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, sizeof text, file), sizeof text);
        assert_int_equal(fclose(file), 0);

        sd_bus_message_unref(finish_call(world->client, new_run_of_event(world, "$1", words, true, &fd),
                                         "RequestUnknown"));
        (void) close(fd);
        follow(run_of_event(world, "$1", words, &first), &first);
        assert_end(world, &first, "\"output_bytes\":200000");
        assert_int_equal(first.out.size, 65536); /* the entry's limit */

        run_world_revoke(world); /* what is known needs no device */
        for (int i = 0; i < 2; i++) {
                _cleanup_(outcome_done) Outcome outcome = { .id = "" };

                follow(run_of_event(world, "$1", words, &outcome), &outcome);
                assert_string_equal(outcome.id, first.id);
                assert_end(world, &outcome, "\"state\":\"finished\"");
                assert_end(world, &outcome, "\"output_bytes\":200000");
                assert_int_equal(outcome.out.size, first.out.size);
                test_daemon_signal(world->dispatch, SIGKILL);
                (void) test_daemon_wait(world->dispatch);
                test_daemon_free(world->dispatch);
                start_dispatch(world);
        }
}

/* Its client may go and come again; another principal may not. */
static void test_event_goes_on(void **state)
{
        RunWorld *world = *state;
        _cleanup_(outcome_done) Outcome first = { .id = "" }, second = { .id = "" }, third = { .id = "" };
        char *words[] = { (char *) "shell.exec", (char *) "sleep", (char *) "1000", NULL };

        (void) close(run_of_event(world, "$1", words, &first));
        int abandoned_fd = run_of_event(world, "$1", words, &second);
        int fd = run_of_event(world, "$1", words, &third);
        assert_string_equal(second.id, first.id);
        assert_string_equal(third.id, first.id);
        assert_int_equal(read(abandoned_fd, &(char){ 0 }, 1), 0);
        (void) close(abandoned_fd);
        wait_state(world, first.id, "running");

        sd_bus_message *call = new_dispatch_call(world, "Cancel");
        assert_ok(sd_bus_message_append(call, "s", first.id));
        sd_bus_message_unref(finish_call(world->client, call, NULL));
        follow(fd, &third);
        assert_end(world, &third, "\"state\":\"cancelled\"");

        call = new_dispatch_call(world, "Submit");
        assert_ok(sd_bus_message_append(call, "ssasa{sv}", "dev-a", "shell.exec", 0, 2, "principal", "s",
                                        "@bob:hs.example", "event_id", "s", "$1"));
        sd_bus_message_unref(finish_call(world->client, call, "RequestIdConflict"));
        call = new_dispatch_call(world, "Submit"); /* an event has a principal */
        assert_ok(sd_bus_message_append(call, "ssasa{sv}", "dev-a", "shell.exec", 0, 1, "event_id", "s",
                                        "$1"));
        sd_bus_message_unref(finish_call(world->client, call, "BadRequest"));
        verify_chain(world->ledger);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                run_world_test(test_event),
                run_world_test(test_event_goes_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
