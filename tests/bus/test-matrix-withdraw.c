/* SPDX-License-Identifier: MIT */
/* What is taken back in Element, an approval or a command, at each moment of the request. */

#include <stdio.h>
#include <unistd.h>

#include "chat-world.h"
#include "files.h"
#include "run-calls.h"
#include "store/query.h"

#define THUMB_UP "\xf0\x9f\x91\x8d"

static void say_write(ChatWorld *world)
{
        _cleanup_(freep) char *line = text_of("!fs.write %s/note hello", world->run->directory);

        peer_say(world->ana, ROOM, line);
        CHAT_UNTIL(world, chat_read(world, "%@ana:x asks dev-a for:_fs.write %note%") == 1);
}

static bool is_written(const ChatWorld *world)
{
        _cleanup_(freep) char *path = text_of("%s/note", world->run->directory);

        return access(path, F_OK) == 0;
}

/* How many of the device's requests are in that state. */
static unsigned count_requests(const ChatWorld *world, const char *state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = new_dispatch_call(world->run, "GetDevice");

        assert_ok(sd_bus_message_append(call, "s", "dev-a"));
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                finish_call(world->run->client, TAKE_PTR(call), NULL);
        return (unsigned) (dictionary_text(reply, state)[0] - '0');
}

/* One sync has both: it was never given, and the request waits on. */
static void test_before_it_was_read(void **state)
{
        ChatWorld *world = *state;

        say_write(world);
        chat_redact(world, chat_react(world, "%@ana:x asks dev-a for:_fs.write %", THUMB_UP));
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_int_equal(count_requests(world, "approving"), 1);
        assert_false(is_written(world));

        (void) chat_react(world, "%@ana:x asks dev-a for:_fs.write %", THUMB_UP);
        CHAT_UNTIL(world, chat_read(world, "%approved by @ana:x, done%") == 1);
        assert_true(is_written(world));
        verify_chain(world->run->ledger);
}

/* After the sync that has it, and before the next one. */
static void test_before_it_was_passed_on(void **state)
{
        _cleanup_(freep) char *reaction = NULL;
        ChatWorld *world = *state;

        say_write(world);
        CHAT_UNTIL(world, world->polls);
        unsigned n_requests = world->n_requests;
        reaction = strdup(chat_react(world, "%@ana:x asks dev-a for:_fs.write %", THUMB_UP));
        CHAT_UNTIL(world, world->n_requests > n_requests);
        world->stalls = true;
        chat_redact(world, reaction);
        CHAT_UNTIL(world, world->n_requests > n_requests + 1);
        world->stalls = false;
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_int_equal(count_requests(world, "approving"), 1);
        assert_false(is_written(world));
        assert_int_equal(count_chain(world->run, (const char *const[]){ "\"approved\"", NULL }), 0);
}

/* The device is back, and has nothing of it. */
static void expect_not_written(ChatWorld *world)
{
        start_agent(world->run);
        peer_say(world->ana, ROOM, "!exec ls -- /home");
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        assert_false(is_written(world));
        verify_chain(world->run->ledger);
}

/* The device has not got it yet, and never does. */
static void test_before_it_was_sent(void **state)
{
        _cleanup_(freep) char *reaction = NULL;
        ChatWorld *world = *state;

        (void) test_daemon_stop(world->run->agent);
        world->run->agent = test_daemon_free(world->run->agent);
        say_write(world);
        reaction = strdup(chat_react(world, "%@ana:x asks dev-a for:_fs.write %", THUMB_UP));
        CHAT_UNTIL(world, count_requests(world, "approving") == 0);
        chat_redact(world, reaction);
        CHAT_UNTIL(world, chat_read(world, "______ cancelled%") == 1);

        expect_not_written(world);
}

/* It is ended on the device. */
static void test_while_it_runs(void **state)
{
        ChatWorld *world = *state;
        _cleanup_(freep) char *id = NULL, *line = NULL;

        peer_say(world->ana, ROOM, "!exec sleep infinity");
        CHAT_UNTIL(world, chat_read(world, "%asks dev-a for:_shell.exec %infinity%") == 1);
        id = chat_request_id(world, "%asks dev-a for:_shell.exec %");
        line = text_of("!approve %s", id);
        peer_say(world->ana, APPROVALS, line);
        CHAT_UNTIL(world, count_requests(world, "running") == 1);
        chat_redact_message(world, "!approve %");
        CHAT_UNTIL(world, chat_read(world, "______ cancelled%") == 1);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%sleep%cancelled%") >= 1);
        verify_chain(world->run->ledger);
}

/* Ana redacts what she has written in the device's room. */
static void redact_command(ChatWorld *world, const char *line)
{
        _cleanup_(freep) char *id = NULL;
        cJSON *event = NULL;

        assert_int_equal(query_text(world->ana->database, &id,
                                    "SELECT event_id FROM heard WHERE body = ? AND sender = '" ANA "'", "t",
                                    line),
                         1);
        assert_ok(json_pack(&event, "{type:s,sender:s,redacts:s,content:{redacts:s}}", "m.room.redaction",
                            ANA, id, id));
        (void) room_event(world->server, ROOM, event);
}

/* A command whose message is redacted: while it waits, also when devbox-matrix is not there, and while it
 * runs. */
static void test_command(void **state)
{
        ChatWorld *world = *state;

        for (unsigned i = 1; i <= 2; i++) {
                _cleanup_(freep) char *line = text_of("!fs.write %s/note %u", world->run->directory, i);

                peer_say(world->ana, ROOM, line);
                CHAT_UNTIL(world, chat_read(world, "%/note (1 byte, a new file%") == i);
                if (i == 2)
                        kill_matrix(world);
                redact_command(world, line);
                if (i == 2)
                        start_matrix(world);
                CHAT_UNTIL(world, chat_read(world, "______ cancelled%") == i);
                CHAT_UNTIL(world, chat_read(world, "%dev-a%fs.write%cancelled%") >= i);
        }
        assert_false(is_written(world));

        peer_say(world->ana, ROOM, "!exec sleep 1000");
        CHAT_UNTIL(world, count_requests(world, "running") == 1);
        redact_command(world, "!exec sleep 1000");
        CHAT_UNTIL(world, chat_read(world, "%dev-a%sleep%cancelled%") >= 1);
        verify_chain(world->run->ledger);
}

/* Redacted before devbox-matrix has seen it: nothing is asked for. */
static void test_command_unseen(void **state)
{
        ChatWorld *world = *state;

        kill_matrix(world);
        peer_say(world->ana, ROOM, "!exec ls -- /home");
        settle(world->server);
        redact_command(world, "!exec ls -- /home");
        start_matrix(world);
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_int_equal(count_all_requests(world->run), 0);
}

/* Redacted before its key has arrived: it does not run when it can be read. */
static void test_command_unreadable(void **state)
{
        ChatWorld *world = *state;
        cJSON *keys, *key;

        kill_matrix(world);
        peer_say(world->ana, ROOM, "!exec ls -- /home");
        settle(world->server);
        keys = cJSON_DetachItemFromObjectCaseSensitive(world->bot->queue, "to_device");
        assert_non_null(keys);
        redact_command(world, "!exec ls -- /home");
        start_matrix(world);
        CHAT_UNTIL(world, world->polls);

        cJSON_ArrayForEach(key, keys)
                homeserver_to_device(world->server, world->bot, cJSON_Duplicate(key, true));
        cJSON_Delete(keys);
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        assert_int_equal(count_all_requests(world->run), 0);
}

/* The dispatcher is slow, the !approve is redacted while it has it, and the device is away. */
static void test_while_it_is_approved(void **state)
{
        _cleanup_(freep) char *id = NULL, *line = NULL;
        ChatWorld *world = *state;

        (void) test_daemon_stop(world->run->agent);
        world->run->agent = test_daemon_free(world->run->agent);
        say_write(world);
        id = chat_request_id(world, "%asks dev-a for:_fs.write %");
        line = text_of("!approve %s", id);
        test_daemon_signal(world->run->dispatch, SIGSTOP);
        unsigned n_receipts = world->n_receipts;
        peer_say(world->ana, APPROVALS, line);
        CHAT_UNTIL(world, world->n_receipts > n_receipts && world->polls);
        unsigned n_requests = world->n_requests;
        chat_redact_message(world, "!approve %");
        CHAT_UNTIL(world, world->n_requests > n_requests && world->polls);
        test_daemon_signal(world->run->dispatch, SIGCONT);
        CHAT_UNTIL(world, chat_read(world, "______ cancelled%") == 1);

        expect_not_written(world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                chat_world_test(test_before_it_was_read),   chat_world_test(test_before_it_was_passed_on),
                chat_world_test(test_before_it_was_sent),   chat_world_test(test_while_it_runs),
                chat_world_test(test_while_it_is_approved), chat_world_test(test_command),
                chat_world_test(test_command_unseen),       chat_world_test(test_command_unreadable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
