/* SPDX-License-Identifier: MIT */
/* Commands from an encrypted room to a worker of the device and back. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "basic/file.h"
#include "chat-world.h"
#include "e2ee/attachment.h"
#include "files.h"
#include "proto/error.h"
#include "run-calls.h"
#include "store/query.h"

#define LONG_SIZE  ((size_t) 5000000)
#define HELLO      "sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define THUMB_UP   "\xf0\x9f\x91\x8d"
#define THUMB_DOWN "\xf0\x9f\x91\x8e"

static void test_command(void **state)
{
        ChatWorld *world = *state;

        peer_say(world->ana, ROOM, "!exec ls -- /home");
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        peer_say(world->ana, ROOM, "!help");
        CHAT_UNTIL(world, chat_read(world, "dev-a can:%!exec ls %!fs.write %/FILE TEXT  🔒%") == 1);
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        peer_say(world->ana, APPROVALS, "!devices");
        CHAT_UNTIL(world, chat_read(world, "%device%dev-a: online%") == 1);
        peer_say(world->ana, ROOM, "!requests");
        CHAT_UNTIL(world,
                   chat_read(world, "The last request:%shell.exec.ls  finished, exit 0  @ana:x%") == 1);
        verify_chain(world->run->ledger);
}

static void test_rejections(void **state)
{
        static const struct {
                const char *line, *answer;
        } rows[] = {
                { "!exec rm -rf /", "capability rejected: shell.exec.rm not in manifest" },
                { "!camera.snapshot", "capability not in manifest" },
                { "!camera.snapshot front", "capability not in manifest" },
                { "!nothing", "there is no such command; !help lists them" },
                { "!exec \"ls", "%quote%" },
        };
        ChatWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned n = chat_read(world, rows[i].answer);

                peer_say(world->ana, ROOM, rows[i].line);
                CHAT_UNTIL(world, chat_read(world, rows[i].answer) == n + 1);
        }
        peer_say(world->ana, APPROVALS, "!exec ls -- /home");
        CHAT_UNTIL(world, chat_read(world, "%this room is no device's%") == 1);
        verify_chain(world->run->ledger);
}

static void say_write(ChatWorld *world, const char *name)
{
        _cleanup_(freep) char *line = text_of("!fs.write %s/%s hello", world->run->directory, name);

        peer_say(world->ana, ROOM, line);
}

static bool is_written(const ChatWorld *world, const char *name)
{
        _cleanup_(freep) char *path = text_of("%s/%s", world->run->directory, name);

        return access(path, F_OK) == 0;
}

/* The file of that name, as Ana's client shows it; it is the last one. The caller frees it. */
static uint8_t *open_file(const ChatWorld *world, const char *name)
{
        _cleanup_(json_freep) cJSON *file = NULL;
        _cleanup_(freep) char *text = NULL;
        uint8_t *plain = NULL;

        assert_int_equal(query_text(world->ana->database, &text, "SELECT file FROM heard WHERE body LIKE ?",
                                    "t", name),
                         1);
        assert_ok(matrix_json_parse(bytes_of_string(text), SIZE_MAX, &file));
        assert_ok(attachment_decrypt(BYTES(world->uploaded.data, world->uploaded.size), file, &plain));
        return plain;
}

static void test_approval(void **state)
{
        _cleanup_(freep) uint8_t *content = NULL;
        _cleanup_(freep) char *asked = NULL;
        ChatWorld *world = *state;

        say_write(world, "note");
        asked = text_of("______: @ana:x asks dev-a for:_fs.write %s/note (5 bytes, a new file, " HELLO ")_"
                        "React with " THUMB_UP " or " THUMB_DOWN ", or write !approve ______",
                        world->run->directory);
        CHAT_UNTIL(world, chat_read(world, asked) == 1 && chat_count_reactions(world, asked) == 2);
        assert_false(is_written(world, "note"));
        CHAT_UNTIL(world, chat_read(world, "______-content.txt") == 1);
        content = open_file(world, "______-content.txt");
        assert_int_equal(world->uploaded.size, strlen("hello"));
        assert_memory_equal(content, "hello", strlen("hello"));
        (void) chat_react(world, "%@ana:x asks dev-a for:_fs.write %", THUMB_UP);
        CHAT_UNTIL(world, chat_read(world, "%approved by @ana:x, done%") == 1 &&
                                  chat_count_reactions(world, asked) == 1); /* hers */
        assert_true(is_written(world, "note"));
        CHAT_UNTIL(world, chat_read(world, "%dev-a%fs.write%exit 0%") == 1);

        say_write(world, "other");
        CHAT_UNTIL(world, chat_read(world, "%@ana:x asks dev-a for:_fs.write %other%") == 1);
        (void) chat_react(world, "%@ana:x asks dev-a for:_fs.write %other%", THUMB_DOWN);
        CHAT_UNTIL(world, chat_read(world, "%denied by @ana:x") == 1);
        assert_false(is_written(world, "other"));
        verify_chain(world->run->ledger);
}

/* What no message holds arrives as a file: encrypted, whole, and with the hash that its message has. */
static void test_long_output(void **state)
{
        _cleanup_(freep) char *content = malloc(LONG_SIZE), *path = NULL, *line = NULL;
        _cleanup_(freep) uint8_t *plain = NULL;
        ChatWorld *world = *state;

        for (size_t i = 0; i < LONG_SIZE; i++)
                content[i] = (char) ('a' + i % 23);
        path = text_of("%s/long", world->run->directory);
        assert_ok(file_write(path, FILE_NEW, 0644, BYTES(content, LONG_SIZE)));
        line = text_of("!exec cat %s", path);
        peer_say(world->ana, ROOM, line);
        CHAT_UNTIL(world, chat_read(world, "dev-a-cat.txt") == 1);
        assert_int_equal(chat_read(world, "%✅ dev-a · cat · exit 0%"), 1);

        plain = open_file(world, "dev-a-cat.txt");
        assert_int_equal(world->uploaded.size, LONG_SIZE);
        assert_true(memcmp(plain, content, LONG_SIZE) == 0);
        verify_chain(world->run->ledger);
}

/* For a request of either tier, in either room; one whose request has ended is refused. That !approve lets a
 * request of the tier `message` run: test-matrix-withdraw.c. */
static void test_written_decisions(void **state)
{
        static const struct {
                const char *name, *line; /* of what is asked for; line NULL: it writes that file */
                const char *verb, *room, *answer, *verdict;
        } rows[] = {
                { "note", NULL, "approve", APPROVALS, "______ is approved",
                  "______ approved by @ana:x, done%" },
                { "other", NULL, "deny", ROOM, "______ is denied", "______ denied by @ana:x" },
                { "sleep", "!exec sleep infinity", "deny", APPROVALS, "______ is denied",
                  "______ denied by @ana:x" },
        };
        ChatWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned n_asked = chat_read(world, "%@ana:x asks dev-a for%");
                unsigned n_answers = chat_read(world, rows[i].answer);
                unsigned n_verdicts = chat_read(world, rows[i].verdict);
                _cleanup_(freep) char *id = NULL, *line = NULL;

                if (rows[i].line)
                        peer_say(world->ana, ROOM, rows[i].line);
                else
                        say_write(world, rows[i].name);
                CHAT_UNTIL(world, chat_read(world, "%@ana:x asks dev-a for%") == n_asked + 1);
                id = chat_request_id(world, "%@ana:x asks dev-a for%");
                line = text_of("!%s %s", rows[i].verb, id);
                peer_say(world->ana, rows[i].room, line);
                CHAT_UNTIL(world, chat_read(world, rows[i].answer) == n_answers + 1 &&
                                          chat_read(world, rows[i].verdict) == n_verdicts + 1);
                peer_say(world->ana, rows[i].room, line);
                CHAT_UNTIL(world,
                           chat_read(world, devbox_error_sentence(DEVBOX_ERROR_REQUEST_STATE)) == i + 1);
        }
        assert_true(is_written(world, "note"));
        assert_false(is_written(world, "other"));
        verify_chain(world->run->ledger);
}

/* For a tier above, and for a request that there is not. */
static void test_refused_decisions(void **state)
{
        ChatWorld *world = *state;

        peer_say(world->ana, ROOM, "!exec sleep infinity");
        CHAT_UNTIL(world, chat_read(world, "%asks dev-a for:_shell.exec %infinity%") == 1);
        assert_int_equal(chat_read(world,
                                   "______: @ana:x asks dev-a for:_shell.exec /usr/bin/sleep infinity_"
                                   "Write !approve ______ as a message: " THUMB_UP
                                   " does not approve it. " THUMB_DOWN " denies it."),
                         1);
        CHAT_UNTIL(world, chat_count_reactions(world, "%asks dev-a for:_shell.exec %") == 1);
        (void) chat_react(world, "%asks dev-a for:_shell.exec %", THUMB_UP);
        CHAT_UNTIL(world,
                   chat_read(world, ANA ": an approval that it needs is missing: the tier is message, a"
                                        " reaction is not enough: write !approve and its id") == 1);
        peer_say(world->ana, APPROVALS, "!approve 000000");
        CHAT_UNTIL(world, chat_read(world, "no request of this id%") == 1);
}

/* By an operator that the manifest names as no approver, any more: nothing is recorded, and it still waits.
 */
static void test_decisions_of_no_approver(void **state)
{
        static const char *const verbs[] = { "approve", "deny" };
        ChatWorld *world = *state;
        _cleanup_(freep) char *id = NULL;

        say_write(world, "note");
        CHAT_UNTIL(world, chat_read(world, "%@ana:x asks dev-a for:_fs.write %") == 1);
        id = chat_request_id(world, "%@ana:x asks dev-a for:_fs.write %");
        world->run->approvers = NULL;
        run_world_sign_manifest(world->run, NULL);
        for (unsigned i = 0; i < ELEMENTSOF(verbs); i++) {
                _cleanup_(freep) char *line = text_of("!%s %s", verbs[i], id);

                peer_say(world->ana, ROOM, line);
                CHAT_UNTIL(world,
                           chat_read(world, "the approval does not count for this request: the manifest"
                                            " does not name whoever decided as an approver") == i + 1);
        }
        wait_state(world->run, id, "approving");
        assert_int_equal(count_chain(world->run, (const char *const[]){ "\"approved\"", NULL }), 0);
        assert_int_equal(count_chain(world->run, (const char *const[]){ "\"approval_denied\"", NULL }), 0);
        assert_false(is_written(world, "note"));
}

/* The end of the id of the newest request whose row in Ana's newest list of requests has this part. */
static void find_request(ChatWorld *world, const char *part, char ret_id[static 7])
{
        _cleanup_(freep) char *list = NULL;
        unsigned n = chat_read(world, "The last request%");

        peer_say(world->ana, ROOM, "!requests");
        CHAT_UNTIL(world, chat_read(world, "The last request%") == n + 1);
        assert_int_equal(query_text(world->ana->database, &list,
                                    "SELECT body FROM heard WHERE body LIKE 'The last request%'"
                                    " ORDER BY rowid DESC LIMIT 1",
                                    ""),
                         1);
        const char *row = strstr(list, part);
        assert_non_null(row);
        while (row[-1] != '\n')
                row--;
        (void) snprintf(ret_id, 7, "%s", row);
}

/* What was asked for goes on without it, and is answered by the next one. */
static void test_killed(void **state)
{
        ChatWorld *world = *state;
        char id[7];

        peer_say(world->ana, ROOM, "!exec sleep 1000");
        say_write(world, "note");
        CHAT_UNTIL(world, chat_read(world, "%dev-a%sleep%") >= 1);
        assert_true(world->n_typed == 1 && !world->types);
        CHAT_UNTIL(world, chat_read(world, "%asks dev-a for:_fs.write %note%") == 1);
        kill_matrix(world);
        peer_say(world->ana, ROOM, "!exec ls -- /home");
        for (int i = 0; i < 20; i++)
                settle(world->server);
        start_matrix(world);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%ls%exit 0%") == 1);
        chat_react(world, "%asks dev-a for:_fs.write %note%", THUMB_UP);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%fs.write%exit 0%") == 1);
        assert_true(is_written(world, "note"));
        assert_int_equal(chat_read(world, "%asks dev-a for:_fs.write %"), 1);
        find_request(world, "sleep", id);
        _cleanup_(freep) char *cancel = text_of("!cancel %s", id);
        peer_say(world->ana, ROOM, cancel);
        CHAT_UNTIL(world, chat_read(world, "%dev-a%sleep%cancelled%") == 1);
        verify_chain(world->run->ledger);
}

/* Commands that were submitted, each once, and answered, each once. */
static void expect_commands(ChatWorld *world, unsigned n)
{
        CHAT_UNTIL(world, chat_read(world, "%not allowed with these arguments%") >= n);
        assert_int_equal(chat_read(world, "%not allowed with these arguments%"), n);
        assert_int_equal(chat_read(world, "%interrupted%"), 0);
        assert_int_equal(count_all_requests(world->run), n);
        verify_chain(world->run->ledger);
}

/* At any moment of a command. */
static void test_killed_anywhere(void **state)
{
        ChatWorld *world = *state;
        char name[16];

        for (int i = 0; i < 12; i++) {
                (void) snprintf(name, sizeof name, "!exec ls -- /%d", i);
                peer_say(world->ana, ROOM, name);
                for (int j = 0; j < 3 * i; j++)
                        chat_turn(world);
                kill_matrix(world);
                start_matrix(world);
        }
        expect_commands(world, 12);
}

static void test_killed_dispatcher(void **state)
{
        ChatWorld *world = *state;
        char name[16];

        for (int i = 0; i < 6; i++) {
                (void) snprintf(name, sizeof name, "!exec ls -- /%d", i);
                peer_say(world->ana, ROOM, name);
                for (int j = 0; j < 4 * i; j++)
                        chat_turn(world);
                test_daemon_signal(world->run->dispatch, SIGKILL);
                (void) test_daemon_wait(world->run->dispatch);
                test_daemon_free(world->run->dispatch);
                start_dispatch(world->run);
        }
        expect_commands(world, 6);
}

/* On the hub; then what is asked of the device. */
static void test_revoked(void **state)
{
        ChatWorld *world = *state;

        run_world_revoke(world->run);
        CHAT_UNTIL(world, chat_read(world, "revoked at %") == 1);
        for (unsigned i = 1; i <= 2; i++) {
                peer_say(world->ana, ROOM, "!exec ls -- /home");
                CHAT_UNTIL(world, chat_read(world, devbox_error_sentence(DEVBOX_ERROR_PEER_REVOKED)) == i);
                kill_matrix(world); /* whatever it does with the room is done then */
                start_matrix(world);
        }
}

/* Each once, and taken back. */
static void test_alerts(void **state)
{
        ChatWorld *world = *state;

        peer_say(world->ana, ROOM, "!camera.snapshot");
        CHAT_UNTIL(world,
                   chat_read(world,
                             "@ana:x asked dev-a for camera.snapshot, which is not in its manifest") == 1);

        for (unsigned i = 1; i <= 20; i++) { /* also while the devices are being read */
                run_world_set_stale(world->run, true);
                CHAT_UNTIL(world, chat_read(world, "dev-a is stale%") == i);
                run_world_set_stale(world->run, true);
                run_world_set_stale(world->run, false);
                CHAT_UNTIL(world, chat_read(world, "%was stale, and is back") == i);
        }
        assert_int_equal(chat_read(world, "dev-a is stale%"), 20);
}

/* A request has waited since before the first login, and Ana is invited to the approvals while the syncs
 * that show it are slow: it is announced only when she can read it. */
static void test_first_boot(void **state)
{
        char *words[] = { (char *) "sleep", (char *) "infinity", NULL };
        ChatWorld *world = *state;
        char id[64];

        submit_command(world->run, "dev-a", true, words, id);
        wait_state(world->run, id, "approving");
        world->holds_invites = true;
        chat_log_in(world);
        CHAT_UNTIL(world, homeserver_is_present(world->server, ROOM, ANA));
        for (int i = 0; i < 100 && cJSON_GetArraySize(world->server->seen) == 0; i++)
                chat_turn(world); /* too early an announcement is under way */
        world->holds_invites = world->stalls = false;
        CHAT_UNTIL(world, chat_read(world, "%asks dev-a for:_shell.exec %infinity%") == 1);
        assert_int_equal(peer_parked(world->ana), 0);
}

/* What Ana finds pinned in the room of the device, and only there, is a message that she can read, and
 * people may take it away. */
static void test_help(void **state)
{
        _cleanup_(freep) char *help = NULL;
        ChatWorld *world = *state;

        CHAT_UNTIL(world, chat_pinned(world, ROOM) && chat_read(world, "Write !help for%") == 1);
        assert_int_equal(query_text(world->ana->database, &help,
                                    "SELECT event_id FROM heard WHERE body LIKE 'Write !help for%'", ""),
                         1);
        assert_string_equal(chat_pinned(world, ROOM), help);
        assert_null(chat_pinned(world, APPROVALS));

        peer_say(world->ana, ROOM, "!status"); /* whose answer is sent after that to the pin has come */
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 1);
        room_state(world->server, ROOM, "m.room.pinned_events", "", tree_parse("{\"pinned\":[]}"));
        kill_matrix(world);
        start_matrix(world);
        peer_say(world->ana, ROOM, "!status");
        CHAT_UNTIL(world, chat_read(world, "dev-a: online%") == 2);
        assert_int_equal(chat_read(world, "Write !help for%"), 1);
        assert_int_equal(world->n_pins, 1);
        assert_null(chat_pinned(world, ROOM));
}

#define test(function) chat_world_test(function)

int main(void)
{
        const struct CMUnitTest tests[] = {
                test(test_command),
                test(test_rejections),
                test(test_approval),
                test(test_refused_decisions),
                test(test_written_decisions),
                test(test_long_output),
                test(test_killed),
                test(test_killed_anywhere),
                test(test_killed_dispatcher),
                test(test_revoked),
                test(test_alerts),
                test(test_help),
                cmocka_unit_test_setup_teardown(test_first_boot, chat_world_up_without_account,
                                                chat_world_down),
                test(test_decisions_of_no_approver),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
