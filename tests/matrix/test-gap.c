/* SPDX-License-Identifier: MIT */
/* What was written during an absence, more of it than a sync has. */

#include "matrix/gap.h"

#include <stdio.h>

#include "chat.h"
#include "store/query.h"
#include "test.h"

#define NOTICE_COUNT                                                                                        \
        "SELECT count(*) FROM heard WHERE body LIKE 'Too much was written here while this bot was away%'"

/* Ana writes "!N" while the session is not there. */
static void write_commands(Chat *chat, unsigned first, unsigned n)
{
        char text[16];

        for (unsigned i = first; i < first + n; i++) {
                (void) snprintf(text, sizeof text, "!%u", i);
                peer_say(chat->ana, ROOM, text);
        }
        settle(chat->server);
}

static void write_clear(Chat *chat, unsigned n)
{
        static const char event[] = "{\"type\":\"m.room.message\",\"sender\":\"@ana:x\","
                                    "\"content\":{\"msgtype\":\"m.text\",\"body\":\"hello\"}}";

        while (n-- > 0)
                (void) room_event(chat->server, ROOM, tree_parse(event));
}

/* How many commands there are, after which they are !0, !1, … in the order of their rows. */
static int64_t commands_in_order(Chat *chat)
{
        return chat_count(chat, "SELECT count(*) FROM (SELECT line, '!' || (row_number() OVER (ORDER BY"
                                " rowid) - 1) AS wanted FROM command) WHERE line = wanted");
}

static int answer_one(void *userdata, const char *line)
{
        char text[32];

        (void) snprintf(text, sizeof text, "answer to %s", line);
        chat_say(userdata, text);
        return 0;
}

static void answer_all(Chat *chat)
{
        Statement *rows = NULL;

        assert_ok(query(chat->database, &rows, "SELECT line FROM command ORDER BY rowid", ""));
        assert_ok(statement_for_each_text(rows, answer_one, chat));
}

/* The homeserver was away for ten minutes, and people went on. */
static void test_after_an_outage(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_stop(chat);
        chat->server->now_ms -= INT64_C(10) * 60 * 1000;
        write_commands(chat, 0, 500);
        chat->timeline_max = 100;
        chat_start(chat);
        CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command") == 500);
        assert_int_equal(commands_in_order(chat), 500);
        assert_int_equal(chat->n_pages, 5); /* the last is empty */

        answer_all(chat);
        while (chat_count(chat, "SELECT count(*) FROM outbox") > 0) {
                server_poke(&chat->web);
                assert_ok(sd_event_run(chat->event, 1000));
        }
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(DISTINCT body) FROM heard"
                                               " WHERE body LIKE 'answer to !%'") == 500);
        assert_int_equal(peer_count(chat->ana, NOTICE_COUNT), 0);
        assert_int_equal(chat->ana->n_replays, 0);
}

/* Killed at every step, with answers that are lost, and with more written while the gap is open. */
static void test_crashes(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_stop(chat);
        write_commands(chat, 0, 230);
        chat->timeline_max = 5;
        chat->lose_every = 3;
        chat_start(chat);
        for (int i = 0; chat_count(chat, "SELECT count(*) FROM command") < 250; i++) {
                assert_true(i < 2000);
                if (i == 10)
                        write_commands(chat, 230, 20);
                settle(chat->server);
                server_poke(&chat->web);
                for (int j = 0; j < i; j++)
                        assert_ok(sd_event_run(chat->event, 0));
                chat_stop(chat);
                chat_start(chat);
        }
        assert_int_equal(commands_in_order(chat), 250);
        assert_int_equal(chat_count(chat, "SELECT (SELECT count(*) FROM gap) + (SELECT count(*) FROM held)"),
                         0);
        assert_int_equal(peer_count(chat->ana, NOTICE_COUNT), 0);
}

/* Old commands are answered, and not run. */
static void test_too_old(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_stop(chat);
        chat->server->now_ms -= INT64_C(16) * 60 * 1000;
        write_commands(chat, 0, 7);
        chat->timeline_max = 5;
        chat_start(chat);
        CHAT_UNTIL(chat, peer_count(chat->ana, "SELECT count(*) FROM heard WHERE body LIKE"
                                               " 'This command is older than 15 minutes%'") == 7);
        assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"), 0);
}

/* Longer than what is read at most, or not to be had: people learn it, and what there is is processed. */
static void test_abandoned(void **state)
{
        static const struct {
                unsigned n_before, refuse_page, n_pages;
        } rows[] = {
                { 1000, 0, 10 },
                { 200, 3, 3 },
                { 10, 1, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat_pin(chat);
                chat_stop(chat);
                write_clear(chat, rows[i].n_before);
                write_commands(chat, 0, 2);
                chat->timeline_max = 1;
                chat->refuse_page = rows[i].refuse_page;
                chat_start(chat);
                CHAT_UNTIL(chat, peer_count(chat->ana, NOTICE_COUNT) == 1);
                assert_int_equal(chat->n_pages, rows[i].n_pages);
                assert_int_equal(chat_count(chat, "SELECT count(*) FROM command"),
                                 rows[i].refuse_page == 1 ? 1 : 2);
                write_commands(chat, 2, 1); /* and it goes on */
                CHAT_UNTIL(chat, chat_count(chat, "SELECT count(*) FROM command WHERE line = '!2'") == 1);
                assert_int_equal(chat_down(state), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_after_an_outage, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_crashes, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_too_old, chat_up, chat_down),
                cmocka_unit_test(test_abandoned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
