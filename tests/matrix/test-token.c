/* SPDX-License-Identifier: MIT */
/* Access tokens that end, and those that follow them. */

#include "matrix/session.h"

#include <stdio.h>

#include "basic/time.h"
#include "chat.h"
#include "test.h"

#define FAR INT64_C(4102444800000) /* the year 2100 */

static void expire(Chat *chat)
{
        chat->expired = true;
        server_poke(&chat->web);
}

static void expect_tokens(Chat *chat, const char *access, const char *refresh)
{
        MatrixLogin login = MATRIX_LOGIN_NULL;

        assert_int_equal(assert_ok(matrix_login_read(chat->database, chat->seal, &login)), 1);
        assert_true(secret_equals(login.token, access));
        assert_true(secret_equals(login.refresh_token, refresh));
        assert_true(login.refresh_ms > (int64_t) (time_now(CLOCK_REALTIME) / USEC_PER_MSEC));
        matrix_login_done(&login);
}

/* Before it ends. */
static void test_due(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_use_tokens(chat, 1);
        CHAT_UNTIL(chat, chat->token == 2);
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(chat->n_refreshes, 1);
        expect_tokens(chat, "syt_2", "ref_2");
}

/* One refresh, although a sync and a message were refused. */
static void test_soft_logout(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_use_tokens(chat, FAR);
        CHAT_UNTIL(chat, !LIST_EMPTY(&chat->web.connections) && !chat->expired);
        expire(chat);
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(chat->n_refreshes, 1);
        assert_int_equal(session_state(chat->session), SESSION_SYNCED);
        expect_tokens(chat, "syt_2", "ref_2");
}

/* Answers are lost after the new tokens were made. */
static void test_lost_answers(void **state)
{
        Chat *chat = *state;
        char text[16];

        chat_pin(chat);
        chat_use_tokens(chat, FAR);
        chat->lose_every = 2;
        for (unsigned i = 1; i <= 6; i++) {
                (void) snprintf(text, sizeof text, "hello %u", i);
                chat_say(chat, text);
                expire(chat);
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, text) == 1 && !chat->expired);
        }
        assert_int_equal(chat->n_refreshes, 12);
        assert_int_equal(chat->ana->n_replays, 0);
        assert_null(session_fault(chat->session));
}

/* Killed a little later each time, while the token ends again and again. */
static void test_crashes(void **state)
{
        Chat *chat = *state;

        chat_pin(chat);
        chat_use_tokens(chat, FAR);
        for (int i = 0; chat->token < 12; i++) {
                assert_true(i < 2000);
                if (chat->offered == 0)
                        chat->expired = true;
                settle(chat->server);
                server_poke(&chat->web);
                for (int j = 0; j < i % 40; j++)
                        assert_ok(sd_event_run(chat->event, 0));
                assert_null(session_fault(chat->session));
                chat_stop(chat);
                chat_start(chat);
        }
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
}

/* The server gives a token as often as it is asked to, and takes none. */
static void test_never_taken(void **state)
{
        Chat *chat = *state;

        chat_use_tokens(chat, FAR);
        chat->refuse_all = true;
        CHAT_UNTIL(chat, chat->n_refreshes == 1);
        usec_t first = time_now(CLOCK_MONOTONIC);
        CHAT_UNTIL(chat, chat->n_refreshes == 2);
        assert_true(time_now(CLOCK_MONOTONIC) - first >= USEC_PER_SEC / 2);

        chat->refuse_all = false;
        CHAT_UNTIL(chat, session_state(chat->session) == SESSION_SYNCED);
}

/* What no refresh helps against. What was to be sent stays, for after the next login. */
static void test_ended(void **state)
{
        static const struct {
                bool logged_out, refuse_refresh, has_refresh;
                const char *fault;
        } rows[] = {
                { false, true, true, "token_expired" },
                { false, false, false, "token_expired" },
                { true, false, true, "logged_out" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat_pin(chat);
                chat_use_tokens(chat, rows[i].has_refresh ? FAR : 0);
                chat->refuse_refresh = rows[i].refuse_refresh;
                chat->logged_out = rows[i].logged_out;
                expire(chat);
                CHAT_UNTIL(chat, session_state(chat->session) == SESSION_ENDED);
                assert_string_equal(session_fault(chat->session), rows[i].fault);
                assert_int_equal(chat->n_refreshes, rows[i].refuse_refresh ? 1 : 0);
                chat_say(chat, "later");
                chat->expired = chat->logged_out = false;
                chat_stop(chat);
                chat_start(chat); /* with a token that the server takes */
                CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "later") == 1);
                assert_int_equal(chat_down(state), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_due, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_soft_logout, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_lost_answers, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_crashes, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_never_taken, chat_up, chat_down),
                cmocka_unit_test(test_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
