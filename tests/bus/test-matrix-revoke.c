/* SPDX-License-Identifier: MIT */
/* !revoke: only for a confirmation by who could read what it does. */

#include "chat-world.h"
#include "files.h"
#include "matrix/schema.h"

#define ASKED   "dev-a leaves the network for good%"
#define NOTHING "There is nothing to confirm.%"
#define OUT     "dev-a is out: %"

/* In the room of the answer, by the words that it asks for. */
static void test_confirmed(void **state)
{
        static const struct {
                const char *room, *line, *answer;
        } rows[] = {
                { APPROVALS, "!revoke dev-a confirm", NOTHING },
                { APPROVALS, "!revoke dev-a now", "Write: !revoke DEVICE" },
                { APPROVALS, "!revoke dev-a", "dev-a leaves the network for good%!revoke dev-a confirm" },
                { ROOM, "!revoke dev-a confirm", NOTHING },
                { APPROVALS, "!revoke dev-a confirm", "dev-a is out: removed and read back in 4 ms;%" },
        };
        ChatWorld *world = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                unsigned n = chat_read(world, rows[i].answer);

                peer_say(world->ana, rows[i].room, rows[i].line);
                CHAT_UNTIL(world, chat_read(world, rows[i].answer) == n + 1);
        }
        CHAT_UNTIL(world, chat_read(world, "revoked at %") == 1);
        peer_say(world->ana, ROOM, "!ls /home");
        CHAT_UNTIL(world, chat_read(world, "peer_revoked: %") == 1);
}

/* What was written while nothing answered confirms nothing: its writer had not read what it would do. */
static void test_unanswered(void **state)
{
        ChatWorld *world = *state;

        kill_matrix(world);
        peer_say(world->ana, ROOM, "!revoke dev-a");
        peer_say(world->ana, ROOM, "!revoke dev-a confirm");
        for (int i = 0; i < 20; i++)
                settle(world->server);
        start_matrix(world);
        CHAT_UNTIL(world,
                   chat_read(world, ASKED) == 1 && chat_read(world, NOTHING) + chat_read(world, OUT) == 1);
        assert_int_equal(chat_read(world, OUT), 0);

        peer_say(world->ana, ROOM, "!revoke dev-a confirm");
        CHAT_UNTIL(world, chat_read(world, OUT) == 1);
}

/* The answers of devbox-matrix, which does not run, are a minute older. */
static void let_minute_pass(const ChatWorld *world)
{
        _cleanup_(freep) char *path = text_of("%s/matrix.db", strchr(world->directory_variable, '=') + 1);
        _cleanup_(database_closep) Database *database = NULL;

        assert_ok(matrix_database_open(path, &database));
        assert_ok(database_run(database, "UPDATE command SET answered_ms = answered_ms - 60000"));
}

static void test_late(void **state)
{
        ChatWorld *world = *state;

        peer_say(world->ana, ROOM, "!revoke dev-a");
        CHAT_UNTIL(world, chat_read(world, ASKED) == 1);
        kill_matrix(world);
        let_minute_pass(world);
        start_matrix(world);
        peer_say(world->ana, ROOM, "!revoke dev-a confirm");
        CHAT_UNTIL(world, chat_read(world, NOTHING) == 1);
        assert_int_equal(chat_read(world, OUT), 0);
}

/* Who is no operator of the device by its manifest. */
static void test_by_others(void **state)
{
        ChatWorld *world = *state;

        world->run->revoker = NULL;
        peer_say(world->ana, ROOM, "!revoke dev-a");
        CHAT_UNTIL(world, chat_read(world, ASKED) == 1);
        peer_say(world->ana, ROOM, "!revoke dev-a confirm");
        CHAT_UNTIL(world, chat_read(world, "this is not an operator of the device") == 1);
        assert_int_equal(chat_read(world, OUT), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                chat_world_test(test_confirmed),
                chat_world_test(test_unanswered),
                chat_world_test(test_late),
                chat_world_test(test_by_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
