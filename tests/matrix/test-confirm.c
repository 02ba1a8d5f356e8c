/* SPDX-License-Identifier: MIT */
/* The account's identity, where the homeserver wants the password for it, and where another one is there. */

#include "matrix/session.h"

#include <stdio.h>

#include "chat.h"
#include "e2ee/identity.h"
#include "test.h"

#define STAGE "m.login.password"

static void give_password(Chat *chat, const char *password)
{
        Secret *secret = NULL;

        assert_ok(secret_new(password, strlen(password), &secret));
        session_confirm_with_take(chat->session, secret);
}

static E2eeFault fault_of(Chat *chat)
{
        E2eeFault fault;

        assert_ok(e2ee_fault(session_e2ee(chat->session), &fault));
        return fault;
}

/* Ready, or with a fault. */
#define SETTLE(chat)                                                                                        \
        CHAT_UNTIL(chat, assert_ok(e2ee_is_ready(session_e2ee((chat)->session))) == 1 ||                    \
                                 fault_of(chat) != E2EE_FAULT_NONE)

/* The identity of a device that is gone. */
static void be_foreign(Chat *chat)
{
        Peer *old = peer_new(chat->server, BOT, "OLD");

        settle(chat->server);
        old->offline = true;
        SETTLE(chat);
        assert_int_equal(fault_of(chat), E2EE_FAULT_FOREIGN_IDENTITY);
}

static void test_first_identity(void **state)
{
        static const struct {
                const char *stage, *password; /* NULL: none is given */
                unsigned lose_every;
                E2eeFault fault;
        } rows[] = {
                { STAGE, "p\"\xc3\xa4ss", 0, E2EE_FAULT_NONE },
                { STAGE, "p\"\xc3\xa4ss", 2, E2EE_FAULT_NONE },
                { STAGE, "wrong", 0, E2EE_FAULT_IDENTITY_REFUSED },
                { STAGE, NULL, 0, E2EE_FAULT_IDENTITY_REFUSED },
                { "m.login.sso", "p\"\xc3\xa4ss", 0, E2EE_FAULT_IDENTITY_REFUSED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Chat *chat;

                assert_int_equal(chat_up(state), 0);
                chat = *state;
                chat->password = "p\"\xc3\xa4ss";
                chat->stage = rows[i].stage;
                chat->lose_every = rows[i].lose_every;
                if (rows[i].password)
                        give_password(chat, rows[i].password);
                SETTLE(chat);
                assert_int_equal(fault_of(chat), rows[i].fault);
                assert_int_equal(chat_down(state), 0);
        }
}

/* After a logout, or with a lost store: people see another identity, and read what it writes. */
static void test_reset(void **state)
{
        _cleanup_(freep) char *before = NULL, *after = NULL;
        Chat *chat = *state;

        chat->password = "right";
        chat->stage = STAGE;
        be_foreign(chat);
        assert_int_equal(assert_ok(e2ee_identity(chat->ana->e2ee, BOT, &before)), 1);

        give_password(chat, "wrong");
        assert_int_equal(assert_ok(session_reset_identity(chat->session)), 1);
        SETTLE(chat);
        assert_int_equal(fault_of(chat), E2EE_FAULT_IDENTITY_REFUSED);

        chat_stop(chat); /* which takes the old password with it */
        chat_start(chat);
        give_password(chat, "right");
        assert_int_equal(assert_ok(session_reset_identity(chat->session)), 1);
        SETTLE(chat);
        assert_int_equal(fault_of(chat), E2EE_FAULT_NONE);
        assert_int_equal(assert_ok(session_reset_identity(chat->session)), 0);

        chat_pin(chat);
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
        assert_int_equal(peer_trust_of_message(chat->ana, "hello"), DEVICE_TRUST_SIGNED);
        assert_int_equal(assert_ok(e2ee_identity(chat->ana->e2ee, BOT, &after)), 1);
        assert_string_not_equal(before, after);
}

/* Killed a little later each time: the password is gone, and is given again. */
static void test_crashes(void **state)
{
        Chat *chat = *state;

        chat->password = "right";
        chat->stage = STAGE;
        be_foreign(chat);
        for (int i = 0; assert_ok(e2ee_is_ready(session_e2ee(chat->session))) == 0; i++) {
                assert_true(i < 2000);
                give_password(chat, "right");
                assert_ok(session_reset_identity(chat->session));
                for (int j = 0; j < i; j++) {
                        settle(chat->server);
                        server_poke(&chat->web);
                        assert_ok(sd_event_run(chat->event, 0));
                }
                chat_stop(chat);
                chat_start(chat);
        }
        chat_pin(chat);
        chat_say(chat, "hello");
        CHAT_UNTIL(chat, peer_heard(chat->ana, BOT, "hello") == 1);
}

/* Only what was asked for is replaced. */
static void test_no_reset(void **state)
{
        Chat *chat = *state;

        SETTLE(chat);
        assert_int_equal(fault_of(chat), E2EE_FAULT_NONE);
        assert_int_equal(assert_ok(session_reset_identity(chat->session)), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_identity),
                cmocka_unit_test_setup_teardown(test_reset, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_crashes, chat_up, chat_down),
                cmocka_unit_test_setup_teardown(test_no_reset, chat_up, chat_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
